import { text } from 'node:stream/consumers'

import { describe, expect, test } from 'vitest'

import { ask, connectTo, login, nobodyAsked, type Question, serving } from './http-server.ts'

const publicUrl = 'https://Skydrain.example.com/drain'

/** Answers 200 or the first words of the refusal. */
async function answerTo(question: Question, changes = {}): Promise<string> {
  return await serving({ publicUrl, ...changes }, async server => {
    const { status, json } = await ask(server, '/', question)
    if (status === 200) return 'passes'
    expect(status).toBe(403)
    return String((json as { error: string }).error).replace(/ (names|comes) .*/s, '')
  })
}

describe('on loopback a request that asks for', () => {
  const ours = ['localhost', 'localhost:4200', 'LOCALHOST:1', '127.0.0.1:80', '[::1]', '[::1]:4200']
  test.each([...ours, 'skydrain.example.com', 'skydrain.example.com:8443'])('%s passes', async host => {
    expect(await answerTo({ host })).toBe('passes')
  })

  const theirs = ['evil.example', 'evil.example:4200', 'localhost.evil.example', 'evil.example:80:127.0.0.1']
  test.each([...theirs, '127.0.0.1.evil.example', 'localhost@evil.example', '::1', '0.0.0.0', '127.0.0.2'])(
    '%s is refused',
    async host => {
      expect(await answerTo({ host })).toBe('The Host header')
    },
  )

  test('no host at all passes, as a plain HTTP/1.0 health check does', async () => {
    await serving({}, async server => {
      const socket = await connectTo(server)
      socket.end('GET /health/live HTTP/1.0\r\n\r\n')
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /)
    })
  })

  test('another loopback address passes where that is the one it listens on', async () => {
    expect(await answerTo({ host: '127.0.0.2:4200' }, { host: '127.0.0.2' })).toBe('passes')
  })

  test('another host is refused before it is asked who it is, also for its health', async () => {
    await serving({ auth: { ...nobodyAsked, login } }, async server => {
      for (const path of ['/', '/health/live', '/nothing']) {
        expect(await ask(server, path, { host: 'evil.example' }), path).toMatchObject({
          status: 403,
          headers: { 'x-content-type-options': 'nosniff' },
        })
      }
    })
  })
})

test('on every interface any host passes, since everyone is asked who it is', async () => {
  const changes = { host: '0.0.0.0', auth: { ...nobodyAsked, login } }
  await serving(changes, async server => {
    expect(await ask(server, '/', { host: 'drain.lan:4200' })).toMatchObject({ status: 401 })
    expect(await ask(server, '/health/live', { host: 'drain.lan:4200' })).toMatchObject({ status: 200 })
  })
})

describe('a request of a page', () => {
  const host = '127.0.0.1:4200'
  test.each([
    ['of this server passes', { origin: 'http://127.0.0.1:4200' }, 'passes'],
    ['of this server behind a proxy passes', { origin: 'https://skydrain.example.com' }, 'passes'],
    ['that says it is of this server passes', { 'sec-fetch-site': 'same-origin' }, 'passes'],
    ['of nobody, as one typed in, passes', { 'sec-fetch-site': 'none' }, 'passes'],
    ['of another site is refused', { origin: 'https://evil.example' }, 'The request'],
    ['of another port is refused', { origin: 'http://127.0.0.1:3000' }, 'The request'],
    ['of this machine by another name is refused', { origin: 'http://localhost:4200' }, 'The request'],
    ['without an origin of its own is refused', { origin: 'null' }, 'The request'],
    [
      'of a like-named site is refused',
      { origin: 'https://skydrain.example.com.evil.example' },
      'The request',
    ],
    ['of a file is refused', { origin: 'file://127.0.0.1:4200' }, 'The request'],
    ['that says it is of another site is refused', { 'sec-fetch-site': 'cross-site' }, 'The request'],
    ['that says it is of another port is refused', { 'sec-fetch-site': 'same-site' }, 'The request'],
    [
      'that is of ours and comes from elsewhere is refused',
      { origin: 'http://127.0.0.1:4200', 'sec-fetch-site': 'cross-site' },
      'The request',
    ],
  ])('%s', async (_, headers, answer) => {
    expect(await answerTo({ host, headers })).toBe(answer)
  })

  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
  test('elsewhere, whose link somebody follows, passes; what it embeds or sends is refused', async () => {
    const followed = { ...link, 'sec-fetch-dest': 'document' }
    expect(await answerTo({ host, headers: followed })).toBe('passes')
    expect(await answerTo({ host, headers: { ...link, 'sec-fetch-dest': 'iframe' } })).toBe('The request')
    expect(await answerTo({ host, headers: { ...followed, 'sec-fetch-mode': 'no-cors' } })).toBe(
      'The request',
    )
    expect(await answerTo({ host, headers: followed, method: 'POST' })).toBe('The request')
  })

  test('is measured by the host that it asked, where every interface is listened on', async () => {
    const changes = { host: '0.0.0.0', auth: { ...nobodyAsked, login } }
    await serving(changes, async server => {
      const statusFrom = async (origin: string) =>
        (await ask(server, '/health/live', { host: 'drain.lan:4200', headers: { origin } })).status
      expect(await statusFrom('http://drain.lan:4200')).toBe(200)
      expect(await statusFrom('http://evil.example')).toBe(403)
    })
  })
})

test('what is refused says what to do', async () => {
  await serving({}, async server => {
    expect((await ask(server, '/', { host: 'drain.lan' })).json).toEqual({
      error:
        'The Host header names no host of this server. Ask for localhost, or set PUBLIC_URL to that host.',
    })
    expect((await ask(server, '/', { headers: { origin: 'null' } })).json).toEqual({
      error:
        'The request comes from a page of another origin. Ask from a page of this server, or without a browser.',
    })
  })
})
