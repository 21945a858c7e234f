import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { afterEach, describe, expect, test } from 'vitest'

import type { StreamConnection } from '../../src/flows/streams-port.ts'
import { waitFor } from '../cli/world.ts'
import { startRedis } from '../redis-server.ts'
import { callsOf, newStream, portOf, redis, type StreamOptions, useRedis, using } from './stream-server.ts'

useRedis()

/** Compiled by the build, since a killed process must be a real one. */
const holder = fileURLToPath(new URL('../../dist/test/streams/claim-holder.js', import.meta.url))

const open: StreamConnection[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map(it => it.close()))
})

async function connect(stream: string, options: StreamOptions = {}): Promise<StreamConnection> {
  const connection = await portOf(stream, options).connect('posts')
  open.push(connection)
  return connection
}

const keyOf = (stream: string) => `${stream}:skydrain:run`
const claimOf = (stream: string) => redis.client.get(keyOf(stream))

describe('a claim', () => {
  test('is of one run, and another one is told which', async () => {
    const stream = newStream()
    const [ours, theirs] = [await connect(stream), await connect(stream)]
    expect(await ours.claim('run-a')).toBeUndefined()
    expect(await theirs.claim('run-b')).toBe('run-a')
    expect(await claimOf(stream)).toMatch(/^run-a \d+$/)
    const left = await redis.client.pttl(keyOf(stream))
    expect(left).toBeGreaterThan(80_000)
    expect(left).toBeLessThanOrEqual(90_000)
    expect(await (await connect(newStream())).claim('run-b')).toBeUndefined()
  })

  test.each([0, 1])('is shared by the ranges of a run, until the last of them is done (%i)', async early => {
    const stream = newStream()
    const ranges = [await connect(stream), await connect(stream)]
    const theirs = await connect(stream)
    for (const range of ranges) expect(await range.claim('run-a')).toBeUndefined()
    await ranges[early]?.close()
    expect(await theirs.claim('run-b')).toBe('run-a')
    await ranges[1 - early]?.close()
    expect(await claimOf(stream)).toBeNull()
    expect(await theirs.claim('run-b')).toBeUndefined()
  })

  test('is renewed by the next one, in one round trip', async () => {
    const stream = newStream()
    const ours = await connect(stream)
    await ours.claim('run-a')
    await redis.client.pexpire(keyOf(stream), 5_000)
    const calls = () => Promise.all(['set', 'pexpire', 'get', 'client|list', 'client|id'].map(callsOf))
    const before = await calls()
    expect(await ours.claim('run-a')).toBeUndefined()
    expect((await calls()).map((count, at) => count - (before[at] ?? 0))).toEqual([1, 1, 0, 0, 0])
    expect(await redis.client.pttl(keyOf(stream))).toBeGreaterThan(80_000)
  })

  test('of a process that was killed holds nobody up', async () => {
    const stream = newStream()
    const child = spawn(process.execPath, [holder, redis.url, stream, 'run-a'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    const ours = await connect(stream)
    expect(await ours.claim('run-b')).toBe('run-a')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const isOurs = async () => (await ours.claim('run-b')) === undefined
    await waitFor('the claim', isOurs, 10_000)
    expect(await claimOf(stream)).toMatch(/^run-b \d+$/)
  })

  test('of a process that stands still ends by itself, also while another run asks for it', async () => {
    const stream = newStream()
    const [theirs, ours] = [await connect(stream), await connect(stream)]
    await ours.claim('run-b')
    await redis.client.del(keyOf(stream))
    await theirs.claim('run-a')
    await redis.client.pexpire(keyOf(stream), 5_000)
    // Once it held the stream itself, and then it only asks.
    for (let n = 0; n < 3; n += 1) expect(await ours.claim('run-b')).toBe('run-a')
    await redis.client.pexpire(keyOf(stream), 5_000)
    for (let n = 0; n < 3; n += 1) expect(await ours.claim('run-b')).toBe('run-a')
    expect(await redis.client.pttl(keyOf(stream))).toBeLessThanOrEqual(5_000)
    await redis.client.pexpire(keyOf(stream), 1)
    const isOurs = async () => (await ours.claim('run-b')) === undefined
    await waitFor('the claim', isOurs, 10_000)
  })

  test('whose number a client has that is none of ours, after a restart of Redis, is of nobody', async () => {
    const stream = newStream()
    const ours = await connect(stream)
    await redis.client.set(keyOf(stream), `run-a ${await redis.client.client('ID')}`)
    expect(await ours.claim('run-b')).toBeUndefined()
    const own = (await claimOf(stream))?.split(' ')[1]
    await redis.client.set(keyOf(stream), `run-a ${own}`)
    expect(await ours.claim('run-b')).toBeUndefined()
    expect(await claimOf(stream)).toBe(`run-b ${own}`)
  })

  test('that another run has taken since is not taken from it by the end of the first', async () => {
    const stream = newStream()
    const [first, idle] = [await connect(stream), await connect(stream)]
    await first.claim('run-a')
    await redis.client.set(keyOf(stream), 'run-b 7')
    await first.close()
    await idle.close()
    expect(await claimOf(stream)).toBe('run-b 7')
  })
})

describe('where Redis takes no claim nobody waits', () => {
  afterEach(() => redis.client.config('SET', 'maxmemory', '0'))

  test('since it is full', async () => {
    const stream = newStream()
    const ours = await connect(stream)
    await redis.client.config('SET', 'maxmemory', '1')
    expect(await ours.claim('run-a')).toBeUndefined()
    expect(await claimOf(stream)).toBeNull()
  })

  test.each(['set', 'client|id', 'client|list', 'pexpire'])('since the user may not %s', async command => {
    const stream = newStream()
    await redis.client.acl('SETUSER', 'drainer', 'reset', 'on', '>secret', '~*', '+@all', `-${command}`)
    const address = { url: redis.url, username: 'drainer', password: 'secret' }
    await using(stream, theirs => theirs.claim('run-a'))
    const ours = await connect(stream, { address })
    for (let n = 0; n < 2; n += 1) expect(await ours.claim('run-b')).toBeUndefined()
    const theirs = await connect(stream)
    await redis.client.del(keyOf(stream))
    await theirs.claim('run-a')
    if (command !== 'pexpire') expect(await ours.claim('run-b')).toBeUndefined()
  })

  test('since something else stands there', async () => {
    const stream = newStream()
    const ours = await connect(stream)
    await redis.client.hset(keyOf(stream), 'a', 'b')
    expect(await ours.claim('run-a')).toBeUndefined()
    await ours.close()
    expect(await redis.client.hgetall(keyOf(stream))).toEqual({ a: 'b' })
  })
})

test('a lost connection is an error of claiming, too', async () => {
  const ours = await connect(newStream())
  await ours.claim('run-a')
  await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await expect(ours.claim('run-a')).rejects.toMatchObject({ code: 'redis-unreachable', retry: true })
})

test('a Redis that hangs does not hold up the end of a drain', async () => {
  const hanging = await startRedis()
  try {
    const ours = await connect(newStream(), { address: { url: hanging.url } })
    await ours.claim('run-a')
    process.kill(hanging.pid, 'SIGSTOP')
    const startedAt = Date.now()
    await ours.close()
    expect(Date.now() - startedAt).toBeLessThan(10_000)
  } finally {
    await hanging.stop()
  }
})
