import { once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'

import { describe, expect, test } from 'vitest'

import { OperatingError } from '../../src/engine/errors.ts'
import { listenError } from '../../src/server/listen-error.ts'
import { ask, CANARY, connectTo, login, nobodyAsked, serving, statusOf } from './http-server.ts'

describe.concurrent('a client', () => {
  test('that never ends its request is told so and cut off, within seconds', async () => {
    await serving({}, async server => {
      const socket = await connectTo(server)
      const begun = performance.now()
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n')
      expect(await text(socket)).toMatch(
        /^HTTP\/1\.1 408 .*"error":"The request did not come to its end in time\."/s,
      )
      expect(performance.now() - begun).toBeLessThan(12_000)
    })
  })

  test('that announces more than it sends has its answer, and is cut off within seconds', async () => {
    await serving({}, async server => {
      const socket = await connectTo(server)
      const begun = performance.now()
      socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{')
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 404 /)
      expect(performance.now() - begun).toBeLessThan(9_000)
    })
  })

  test('that connects and says nothing is cut off, within seconds', async () => {
    await serving({}, async server => {
      const socket = await connectTo(server)
      const begun = performance.now()
      socket.resume()
      await once(socket, 'close')
      expect(performance.now() - begun).toBeLessThan(15_000)
    })
  })

  test('that sends what is no HTTP, or too much of it, gets a sentence and nothing of what it sent', async () => {
    await serving({}, async server => {
      for (const [sent, answer] of [
        [`${CANARY}\r\n\r\n`, /^HTTP\/1\.1 400 .*\{"error":"This is no HTTP request/s],
        [
          `GET / HTTP/1.1\r\nX: ${CANARY}${'x'.repeat(20_000)}\r\n\r\n`,
          /^HTTP\/1\.1 431 .*\{"error":"The headers/s,
        ],
      ] as const) {
        const socket = await connectTo(server)
        socket.write(sent)
        const said = await text(socket)
        expect(said).toMatch(answer)
        expect(said).not.toContain(CANARY)
        expect(Number(/content-length: (\d+)/.exec(said)?.[1])).toBe(said.split('\r\n\r\n')[1]?.length)
      }
      expect(await statusOf(server, '/')).toBe(200)
    })
  })
})

test('beyond two hundred connections at once a client is turned away, and the next has its place', async () => {
  await serving({}, async server => {
    const sockets = await Promise.all(Array.from({ length: 200 }, () => connectTo(server)))
    const last = await connectTo(server)
    last.resume()
    await once(last, 'close')
    expect(sockets.filter(it => it.closed)).toEqual([])
    const [first] = sockets
    first?.end('GET /health/live HTTP/1.0\r\n\r\n')
    expect(await text(first ?? last)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await statusOf(server, '/')).toBe(200)
    for (const socket of sockets) socket.destroy()
  })
})

describe.concurrent('closing', () => {
  test('ends idle connections at once, and those that hang within two seconds', async () => {
    let asked = () => {}
    const isAsked = new Promise<void>(resolve => {
      asked = resolve
    })
    const hang = () => {
      asked()
      return new Promise<never>(() => undefined)
    }
    await serving({ metrics: { text: hang, contentType: 'text/plain' } }, async server => {
      const idle = await connectTo(server)
      const silent = await connectTo(server)
      const unanswered = await connectTo(server)
      const half = await connectTo(server)
      idle.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await once(idle, 'data')
      half.write('GET / HTTP/1.1\r\nHost: loc')
      unanswered.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await isAsked
      const ends = [idle, silent, unanswered, half].map(async socket => {
        socket.resume()
        await once(socket, 'close')
        return performance.now()
      })
      const begun = performance.now()
      await server.close()
      expect(performance.now() - begun).toBeLessThan(2_000)
      const [idleEnded = 0, ...others] = await Promise.all(ends)
      expect(idleEnded - begun).toBeLessThan(800)
      expect(Math.max(...others) - begun).toBeLessThan(2_000)
    })
  })

  test('lets a request in hand have its answer', async () => {
    let answer: (text: string) => void = () => undefined
    let asked = () => {}
    const isAsked = new Promise<void>(resolve => {
      asked = resolve
    })
    const slow = () =>
      new Promise<string>(resolve => {
        answer = resolve
        asked()
      })
    await serving({ metrics: { text: slow, contentType: 'text/plain' } }, async server => {
      const answered = ask(server, '/metrics')
      await isAsked
      const closed = server.close()
      answer('up 1\n')
      expect(await answered).toMatchObject({ status: 200, body: 'up 1\n' })
      await closed
    })
  })

  test('twice does nothing, and the port is free again', async () => {
    const { port } = await serving({}, async server => {
      await Promise.all([server.close(), server.close()])
      await server.close()
      return server
    })
    await serving({ port }, async server => {
      expect(server.port).toBe(port)
      expect(await statusOf(server, '/')).toBe(200)
    })
  })
})

describe('listening', () => {
  /** The error that listening ends with. */
  async function refused(changes: { readonly host?: string; readonly port?: number }) {
    const error = await serving(changes, async () => undefined).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(OperatingError)
    return error as OperatingError
  }

  test('on a port that is in use says which, and how to choose another', async () => {
    await serving({}, async ({ port }) => {
      const { code, exitCode, message } = await refused({ port })
      expect({ code, exitCode }).toEqual({ code: 'port-in-use', exitCode: 1 })
      expect(message).toBe(
        `Port ${port} on 127.0.0.1 is in use. Stop what uses it, or choose another with --port or PORT.`,
      )
    })
  })

  test('on an address of another machine says so', async () => {
    const { code, exitCode, message } = await refused({ host: '192.0.2.1' })
    expect({ code, exitCode }).toEqual({ code: 'cannot-listen', exitCode: 1 })
    expect(message).toBe(
      "HOST is '192.0.2.1', which is no address of this machine (EADDRNOTAVAIL). Set it to one, such as 127.0.0.1.",
    )
  })

  test('on a name that no name server knows says so', async () => {
    const { code, message } = await refused({ host: 'no-such-host.invalid' })
    expect(code).toBe('cannot-listen')
    expect(message).toMatch(
      /^HOST is 'no-such-host\.invalid', which is no address of this machine \(E\w+\)\./,
    )
  })

  test('on a port that only root may have names those that everyone may', () => {
    const error = Object.assign(new Error('listen EACCES'), { code: 'EACCES' })
    const told = listenError(error, { host: '127.0.0.1', port: 80, portSetBy: 'METRICS_PORT' })
    expect(told).toMatchObject({
      code: 'cannot-listen',
      cause: error,
      message:
        'Port 80 on 127.0.0.1 is refused to this user (EACCES). Choose one above 1023 with METRICS_PORT.',
    })
    expect(listenError(error.message, { host: '', port: 1, portSetBy: '' })).toBe('listen EACCES')
  })

  test.each([
    ['localhost', /^http:\/\/127\.0\.0\.1:\d+$/],
    ['0.0.0.0', /^http:\/\/127\.0\.0\.1:\d+$/],
  ])('on %s gives the URL by which this machine reaches it', async (host, url) => {
    await serving({ host, auth: { ...nobodyAsked, login } }, async server => {
      expect(server.url).toMatch(url)
      expect(await statusOf(server, '/health/live')).toBe(200)
    })
  })

  test('on an IPv6 address gives a URL with brackets', async context => {
    context.skip(!(await hasIpv6()), 'this machine has no IPv6')
    for (const host of ['::1', '::']) {
      await serving({ host, auth: { ...nobodyAsked, login } }, async server => {
        expect(server.url).toBe(`http://[::1]:${server.port}`)
        expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
      })
    }
  })

  async function hasIpv6(): Promise<boolean> {
    const server = createServer()
    const found = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false))
      server.listen(0, '::1', () => resolve(true))
    })
    server.close()
    return found
  }
})
