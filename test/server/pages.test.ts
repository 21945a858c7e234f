import { describe, expect, test } from 'vitest'

import { OperatingError } from '../../src/engine/errors.ts'
import { createServerMetrics } from '../../src/metrics/server-metrics.ts'
import { perType } from '../../src/records/event-type.ts'
import { ask, CANARY, serving } from './http-server.ts'

const never = () => new Promise<never>(() => undefined)
const fine = { name: 'disk', run: async () => ({ ok: true, detail: '40 GB free' }) }

test.concurrent('the front page says what this is, and everything it links to answers', async () => {
  await serving({ role: 'worker' }, async server => {
    const page = await ask(server, '/')
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.body).toContain('<h1>Skydrain worker</h1>')
    const links = [...page.body.matchAll(/href="([^"]+)"/g)].map(([, link]) => link)
    expect(links).toEqual(['health/live', 'health/ready', 'metrics'])
    for (const link of links) expect(await ask(server, `/${link}`)).toMatchObject({ status: 200 })
  })
})

test.concurrent('a live process says so, and its name, also while it is not ready', async () => {
  const checks = [{ name: 'queue', run: async () => ({ ok: false, detail: 'away' }) }]
  await serving({ checks, instance: 'host:42' }, async server => {
    const { status, json } = await ask(server, '/health/live')
    expect({ status, json }).toEqual({ status: 200, json: { live: true, instance: 'host:42' } })
  })
})

describe.concurrent('readiness', () => {
  test('is 200 when every check is ok, and tells them all', async () => {
    await serving({ checks: [fine] }, async server => {
      const { status, json } = await ask(server, '/health/ready')
      const checks = [{ name: 'disk', ok: true, detail: '40 GB free' }]
      expect({ status, json }).toEqual({ status: 200, json: { ready: true, checks } })
    })
  })

  test('is 503 when one is not, or throws, and says why', async () => {
    const error = new OperatingError('redis-unreachable', 'Redis does not answer.')
    const thrown = { name: 'buffer', run: () => Promise.reject(error) }
    const queue = { name: 'queue', run: async () => ({ ok: false, detail: 'no worker' }) }
    await serving({ checks: [fine, thrown, queue] }, async server => {
      const { status, json } = await ask(server, '/health/ready')
      expect(status).toBe(503)
      expect(json).toEqual({
        ready: false,
        checks: [
          { name: 'disk', ok: true, detail: '40 GB free' },
          { name: 'buffer', ok: false, detail: 'Redis does not answer.' },
          { name: 'queue', ok: false, detail: 'no worker' },
        ],
      })
    })
  })

  test('waits 3 s for a check that hangs, once, and does not begin it again while it does', async () => {
    let begun = 0
    const hanging = {
      name: 'buffer',
      run: () => {
        begun += 1
        return never()
      },
    }
    await serving({ checks: [hanging, fine] }, async server => {
      const before = performance.now()
      const answers = await Promise.all([ask(server, '/health/ready'), ask(server, '/health/ready')])
      expect(performance.now() - before).toBeGreaterThan(2_900)
      for (const { status, json } of answers) {
        expect(status).toBe(503)
        expect(json).toMatchObject({
          checks: [{ ok: false, detail: 'did not answer within 3 s' }, { ok: true }],
        })
      }
      const after = performance.now()
      await ask(server, '/health/ready')
      expect(performance.now() - after).toBeLessThan(2_000)
      expect(begun).toBe(1)
    })
  })

  test('asks a check anew once it has answered, also when it threw before it could promise', async () => {
    let begun = 0
    const run = () => {
      begun += 1
      if (begun === 1) throw new Error('not yet')
      if (begun === 2) return Promise.reject(new Error('still not'))
      return Promise.resolve({ ok: true, detail: '' })
    }
    await serving({ checks: [{ name: 'buffer', run }] }, async server => {
      expect((await ask(server, '/health/ready')).json).toMatchObject({ checks: [{ detail: 'not yet' }] })
      expect((await ask(server, '/health/ready')).json).toMatchObject({ checks: [{ detail: 'still not' }] })
      expect((await ask(server, '/health/ready')).json).toMatchObject({ ready: true })
    })
  })
})

describe.concurrent('metrics', () => {
  test('are the text of the metrics, with its content type', async () => {
    const metrics = createServerMetrics({
      version: '1.2.3',
      flows: ['data-writer'],
      streams: perType(type => `s_${type}`),
      readStreams: async () => [],
      readQueue: async () => ({ workers: 2, waiting: 0, nextRunAt: undefined }),
    })
    await serving({ metrics }, async server => {
      const response = await fetch(`${server.url}/metrics`)
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
      expect(await response.text()).toMatch(/^skydrain_workers 2$/m)
    })
  })

  test('that hang are answered with 503 after 5 s', async () => {
    await serving({ metrics: { text: never, contentType: 'text/plain' } }, async server => {
      const { status, json } = await ask(server, '/metrics')
      expect({ status, json }).toEqual({
        status: 503,
        json: { error: 'The metrics did not answer within 5 s.' },
      })
    })
  })

  test('that fail tell the log why, and the client only that they did', async () => {
    const told: Error[] = []
    const metrics = { text: () => Promise.reject(new Error(CANARY)), contentType: 'text/plain' }
    await serving({ metrics, onError: error => told.push(error) }, async server => {
      const { status, json } = await ask(server, '/metrics')
      expect({ status, json }).toEqual({
        status: 500,
        json: { error: 'The request failed here. The log says why.' },
      })
    })
    expect(told.map(it => it.message)).toEqual([CANARY])
  })
})

const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': expect.stringMatching(/^default-src 'none';.* frame-ancestors 'none'$/),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

test.concurrent('what is not there is said in JSON, without the query and without a stack', async () => {
  await serving({}, async server => {
    for (const [method, path, status, error] of [
      ['GET', `/nothing?token=${CANARY}`, 404, 'There is nothing at GET /nothing.'],
      ['POST', '/metrics', 404, 'There is nothing at POST /metrics.'],
      ['GET', '/%ZZ', 400, "'/%ZZ' is not a valid url component"],
    ] as const) {
      const answer = await ask(server, path, { method })
      expect(answer).toMatchObject({ status, headers: securityHeaders })
      expect(answer.json).toEqual({ error })
    }
  })
})

test.concurrent('every page forbids to frame it, to keep it, and to load anything', async () => {
  await serving({ checks: [fine] }, async server => {
    for (const path of ['/', '/health/live', '/health/ready', '/metrics']) {
      expect((await ask(server, path)).headers, path).toMatchObject(securityHeaders)
    }
  })
})
