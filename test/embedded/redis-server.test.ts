import { once } from 'node:events'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { freePort } from '../redis-server.ts'
import { doneOf, errorOf } from './up-child.ts'
import { bufferConf, configOf, gone, stateOf, worldOf } from './world.ts'

describe.concurrent('an embedded Redis server', () => {
  test('has what was written before it was stopped when it is started again', async context => {
    const world = worldOf(context)
    const folder = join(await world.folder(), 'buf fer')
    const first = await world.server({ folder })
    await world.client(first.url).xadd('a_posts', '1-1', 'data', 'an event')
    await first.stop()
    expect(await stateOf(first.pid)).toBe('')
    expect(await readFile(join(folder, 'redis.log'), 'utf8')).toContain('bye bye')

    const second = await world.server({ folder })
    expect(second.url).toBe(`redis://127.0.0.1:${second.port}`)
    expect(await world.client(second.url).xrange('a_posts', '-', '+')).toEqual([
      ['1-1', ['data', 'an event']],
    ])
  })

  test('that dies says so in a sentence, and is started again on its port with its data', async context => {
    const world = worldOf(context)
    const folder = await world.folder()
    const first = await world.server({ folder })
    await world.client(first.url).set('a', 'b')
    process.kill(first.pid, 'SIGKILL')
    const sentence = await first.died
    expect(sentence).toContain(`The Redis server in ${folder} was ended by SIGKILL, on port ${first.port}. `)
    expect(sentence).toMatch(/Its last words: [^\n]*Ready to accept connections$/)

    const second = await world.server({ folder, port: first.port })
    expect(second.port).toBe(first.port)
    expect(await world.client(second.url).get('a')).toBe('b')
    await first.stop()
    expect(await world.client(second.url).ping()).toBe('PONG')
  })

  test('that was stopped by us says nothing, and may be stopped again', async context => {
    const world = worldOf(context)
    const folder = await world.folder()
    const said: string[] = []
    const stopped = await world.server({ folder })
    void stopped.died.then(it => said.push(it))
    await Promise.all([stopped.stop(), stopped.stop()])
    await stopped.stop()

    // A second life is longer than the first would need to say something.
    await (await world.server({ folder })).stop()
    expect(said).toEqual([])
  })

  test('that is suspended does not keep stop from coming to its end', async context => {
    const world = worldOf(context)
    const server = await world.server({ folder: await world.folder() })
    process.kill(server.pid, 'SIGSTOP')
    await server.stop()
    expect(await stateOf(server.pid)).toBe('')
  })

  test('takes another port when it lost the race for the free one that it found', async context => {
    const world = worldOf(context)
    const taken = await takenPort(context.onTestFinished)
    const ports = [taken, taken, await freePort()]
    const server = await world.server({ folder: await world.folder() }, async () => ports.shift() ?? 0)
    expect(ports).toEqual([])
    expect(server.port).not.toBe(taken)
    expect(await world.client(server.url).ping()).toBe('PONG')
  })

  test('says so when the one port that it may have is taken', async context => {
    const world = worldOf(context)
    const port = await takenPort(context.onTestFinished)
    const folder = await world.folder()
    const start = world.server({ folder, port })
    await expect(start).rejects.toMatchObject({ code: 'redis-not-started', exitCode: 1 })
    await expect(start).rejects.toThrow(`in ${folder} ended with exit code 1 at its start, on port ${port}. `)
    await expect(start).rejects.toThrow('Address already in use')
  })

  test('reads its configuration, whatever is in the path of it', async context => {
    const world = worldOf(context)
    const folder = await world.folder()
    const confPath = join(folder, 'a * and "quotes".conf')
    await writeFile(confPath, 'maxmemory 100mb\n')
    const client = world.client((await world.server({ folder, confPath })).url)
    expect(await configOf(client, 'maxmemory')).toEqual({ maxmemory: String(100 * 1024 * 1024) })
  })

  test('evicts when it is told to, and only then', async context => {
    const world = worldOf(context)
    const [shipped, evicting] = [join(await world.folder(), 'a'), join(await world.folder(), 'b')]
    const policyOf = async (url: string) => await configOf(world.client(url), 'maxmemory-policy')
    expect(await policyOf((await world.server({ folder: shipped })).url)).toEqual({
      'maxmemory-policy': 'noeviction',
    })
    const server = await world.server({ folder: evicting, policy: 'allkeys-lru' })
    expect(await policyOf(server.url)).toEqual({ 'maxmemory-policy': 'allkeys-lru' })
  })

  test('keeps its log and its data to this user, and the log of its last start only', async context => {
    const world = worldOf(context)
    const folder = join(await world.folder(), 'made')
    await (await world.server({ folder })).stop()
    await writeFile(join(folder, 'redis.log'), 'of an earlier start\n')
    await world.server({ folder })
    const log = await readFile(join(folder, 'redis.log'), 'utf8')
    expect(log).not.toContain('of an earlier start')
    expect(log.split('Ready to accept connections')).toHaveLength(2)
    expect((await stat(folder)).mode & 0o077).toBe(0)
    expect((await stat(join(folder, 'redis.log'))).mode & 0o077).toBe(0)
  })
})

describe.concurrent('where an embedded Redis server cannot start, a sentence says why:', () => {
  test('redis-server is not on the PATH', async context => {
    const world = worldOf(context)
    const folder = await world.folder()
    const up = world.up({ PATH: folder })
    expect(errorOf(await up.ask({ kind: 'start', settings: { confPath: bufferConf, folder } }))).toEqual({
      code: 'redis-not-started',
      message:
        'redis-server is not on the PATH. Run scripts/setup, which installs it, or install Redis 7.0 or newer.',
    })
  })

  test.for([
    [
      'Redis server v=6.2.14 sha=00000000:0 malloc=jemalloc-5.1.0 bits=64',
      'redis-server is 6.2.14, which is too old.',
    ],
    ['something else', 'redis-server does not tell its version.'],
  ] as const)('redis-server says %s', async ([version, sentence], context) => {
    const world = worldOf(context)
    const folder = await world.folder()
    await writeFile(join(folder, 'redis-server'), `#!/bin/sh\necho '${version}'\n`)
    await chmod(join(folder, 'redis-server'), 0o755)
    const up = world.up({ PATH: `${folder}:${process.env.PATH}` })
    const error = errorOf(await up.ask({ kind: 'start', settings: { confPath: bufferConf, folder } }))
    expect(error.code).toBe('redis-not-started')
    expect(error.message).toContain(`${sentence} Run scripts/setup`)
  })

  test('its append-only file is damaged', async context => {
    const world = worldOf(context)
    const folder = await world.folder()
    const server = await world.server({ folder })
    for (const n of [1, 2, 3]) await world.client(server.url).set(`key ${n}`, 'a value')
    await server.stop()
    const path = join(folder, 'appendonlydir', 'appendonly.aof.1.incr.aof')
    const content = await readFile(path, 'utf8')
    await writeFile(path, content.replace('*3', 'damaged'))

    const start = world.server({ folder })
    await expect(start).rejects.toMatchObject({ code: 'redis-not-started' })
    await expect(start).rejects.toThrow(
      /^The Redis server in [^\n]+ ended with exit code 1 at its start, [^\n]+ Bad file format reading the append only file[^\n]+$/,
    )
  })

  test('its configuration is missing, or Redis refuses it', async context => {
    const world = worldOf(context)
    const folder = await world.folder()
    const confPath = join(folder, 'own.conf')
    await expect(world.server({ folder, confPath })).rejects.toThrow(
      `The Redis server in ${folder} cannot be started: ENOENT: no such file or directory, open '${confPath}'.`,
    )
    await writeFile(confPath, 'nonsense yes\n')
    await expect(world.server({ folder, confPath })).rejects.toThrow(
      "/ >>> 'nonsense yes' / Bad directive or wrong number of arguments",
    )
  })

  test('a file stands where its folder must be', async context => {
    const world = worldOf(context)
    const folder = join(await world.folder(), 'a file')
    await writeFile(folder, '')
    const start = world.server({ folder })
    await expect(start).rejects.toMatchObject({ code: 'redis-not-started' })
    await expect(start).rejects.toThrow('EEXIST')
  })
})

describe.concurrent('the process that started an embedded Redis server', () => {
  test('is interrupted without its server, and can still use it', async context => {
    const world = worldOf(context)
    const folder = await world.folder()
    const up = world.up()
    const url = doneOf(await up.ask({ kind: 'start', settings: { confPath: bufferConf, folder } }))
    const client = world.client(url)
    await client.ping()
    const interrupted = up.heard()
    process.kill(-up.pid, 'SIGINT')
    expect(doneOf(await interrupted)).toBe('SIGINT')
    expect(await client.ping()).toBe('PONG')
    expect(await readFile(join(folder, 'redis.log'), 'utf8')).not.toContain('Received SIGINT')
  })

  test('has it end when it exits without stopping it, with all its data', async context => {
    const world = worldOf(context)
    const folder = await world.folder()
    const up = world.up()
    const client = world.client(
      doneOf(await up.ask({ kind: 'start', settings: { confPath: bufferConf, folder } })),
    )
    await client.set('a', 'b')
    const pid = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1])
    await up.exit()
    await gone(pid)
    expect(await readFile(join(folder, 'redis.log'), 'utf8')).toContain('bye bye')
    expect(await world.client((await world.server({ folder })).url).get('a')).toBe('b')
  })
})

/** A port of loopback where somebody else listens. */
async function takenPort(finished: (close: () => void) => void): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  finished(() => listener.close())
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('it does not listen')
  return address.port
}
