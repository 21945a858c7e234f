import { inspect } from 'node:util'

import { Redis } from 'ioredis'
import { afterAll, describe, expect, test } from 'vitest'

import type { ErrorCode, OperatingError } from '../../src/engine/errors.ts'
import { perType } from '../../src/records/event-type.ts'
import { connectRedis, whereIs } from '../../src/streams/connect.ts'
import { openProducer } from '../../src/streams/producer.ts'
import { redisError } from '../../src/streams/redis-errors.ts'
import { freePort, type RedisServer, startRedis } from '../redis-server.ts'
import { fill, newStream, redis, told, useRedis, using } from './stream-server.ts'

useRedis()

const CANARY = 'canary-s3cret'
const others: RedisServer[] = []

afterAll(() => Promise.all(others.map(server => server.stop())))

async function startOther(...options: string[]): Promise<RedisServer> {
  const server = await startRedis(...options)
  others.push(server)
  return server
}

async function errorOf(call: Promise<unknown>): Promise<OperatingError> {
  return await call.then(
    () => expect.unreachable('it went well'),
    error => error,
  )
}

/** Whatever a log may print of an error. */
function everythingOf(error: unknown): string {
  return inspect(error, { depth: 20, showHidden: true, maxStringLength: null })
}

describe("Redis' answers are told as sentences", () => {
  test.each<[string, ErrorCode, boolean, RegExp]>([
    [
      'NOAUTH Authentication required.',
      'redis-refused',
      false,
      /refuses the login \(NOAUTH\)\. Set REDIS_PASSWORD/,
    ],
    ['WRONGPASS invalid username-password pair', 'redis-refused', false, /refuses the login \(WRONGPASS\)/],
    [
      "NOPERM this user has no permissions to run the 'xdel' command",
      'redis-refused',
      false,
      /xdel.*Give the ACL user/,
    ],
    [
      "OOM command not allowed when used memory > 'maxmemory'.",
      'redis-full',
      false,
      /full.*Drain it.*raise maxmemory/,
    ],
    ['LOADING Redis is loading the dataset in memory', 'redis-error', true, /cannot answer now: LOADING/],
    [
      "READONLY You can't write against a read only replica.",
      'redis-error',
      true,
      /cannot answer now: READONLY/,
    ],
    ['MISCONF Redis is configured to save RDB snapshots', 'redis-error', true, /cannot answer now: MISCONF/],
    ['BUSY Redis is busy running a script.', 'redis-error', true, /cannot answer now: BUSY/],
    ['ERR unknown command', 'redis-error', true, /answers with an error: ERR unknown command/],
  ])('%s', (message, code, retry, sentence) => {
    const cause = Object.assign(new Error(message), { name: 'ReplyError' })
    const error = redisError(cause, 'redis://host:1')
    expect(error).toMatchObject({ code, retry, cause })
    expect(error.message).toMatch(sentence)
    expect(error.message).toContain('Redis at redis://host:1')
  })

  test('an operating error stays what it is', () => {
    const error = redisError(Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'redis://host:1')
    expect(error).toMatchObject({ code: 'redis-unreachable', retry: true, exitCode: 69 })
    expect(redisError(error, 'elsewhere')).toBe(error)
  })
})

describe('a real Redis', () => {
  test('that is not there is unreachable', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`
    const isTold = told('redis-unreachable', /does not answer \(ECONNREFUSED\)\. Start it, or set REDIS_URL/)
    await expect(connectRedis({ url })).rejects.toSatisfy(isTold)
  })

  test('whose user may not delete says so, and the entries stay', async () => {
    const stream = newStream()
    await fill(stream, 3)
    await redis.client.acl('SETUSER', 'reader', 'on', `>${CANARY}`, '~*', '+@all', '-xdel')
    const address = { url: redis.url, username: 'reader', password: CANARY }
    const error = await errorOf(using(stream, connection => connection.deleteEntries(['1-0']), { address }))
    expect(error).toSatisfy(
      told('redis-refused', /does not let this user do it: NOPERM .*xdel.*Give the ACL user/),
    )
    expect(everythingOf(error)).not.toContain(CANARY)
    expect(await redis.client.xlen(stream)).toBe(3)
  })

  test('that is a replica refuses the mark and the deletion as READONLY', async () => {
    const replica = await startOther('--replicaof', `127.0.0.1 ${await freePort()}`)
    const address = { url: replica.url }
    const isTold = told('redis-error', /cannot answer now: READONLY/)
    await expect(using(newStream(), it => it.inspect(), { address })).rejects.toSatisfy(isTold)
    await expect(using(newStream(), it => it.deleteEntries(['1-0']), { address })).rejects.toSatisfy(isTold)
  })

  test('that is still loading says so, and a new connection waits until it is ready', async () => {
    // It hears its clients after each 1,024 commands that it loads: here some fifteen times.
    const loading = await startOther('--key-load-delay', '100')
    const pipeline = loading.client.pipeline()
    for (let n = 0; n < 15_000; n += 1) pipeline.set(`key ${n}`, '')
    await pipeline.exec()
    await loading.kill()
    const restarted = loading.restart()
    const impatient = new Redis(loading.url, {
      enableReadyCheck: false,
      maxRetriesPerRequest: null,
      protocol: 2,
      retryStrategy: () => 5,
    })
    impatient.on('error', () => undefined)
    const answer = await errorOf(impatient.get('key 1'))
    expect(redisError(answer, 'x')).toSatisfy(told('redis-error', /cannot answer now: LOADING/))
    const address = { url: loading.url }
    expect(await using(newStream(), it => it.inspect(), { address })).toMatchObject({ length: 0 })
    await restarted
    impatient.disconnect()
  })

  test('that runs a long script is busy, and can be asked again', async () => {
    await redis.client.config('SET', 'busy-reply-threshold', '1')
    const script = redis.client.duplicate()
    const running = script.eval('while true do end', 0).catch((error: Error) => error.message)
    const busy = () => errorOf(using(newStream(), it => it.inspect()))
    await expect.poll(busy).toSatisfy(told('redis-error', /cannot answer now: BUSY/))
    await redis.client.call('SCRIPT', 'KILL')
    expect(await running).toMatch(/killed/)
    script.disconnect()
  })

  test('that is lost in the middle fails every later call on that connection', async () => {
    const stream = newStream()
    await fill(stream, 3)
    await using(stream, async connection => {
      await connection.inspect()
      await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      const range = { from: '0-0', to: '9-0' }
      for (let n = 0; n < 50; n += 1) {
        await expect(connection.read(range, 10)).rejects.toMatchObject({ code: 'redis-unreachable' })
        await redis.client.ping() // time enough for a connection that would come back
      }
      await expect(connection.deleteEntries(['1-0'])).rejects.toMatchObject({ code: 'redis-unreachable' })
      expect(await connection.moveGroup('1-0')).toBeInstanceOf(Error)
    })
    expect(await redis.client.xlen(stream)).toBe(3)
  })
})

describe('no secret is in an error, however it is printed', () => {
  const withSecret = (url: string) => url.replace('redis://', `redis://worker:${CANARY}@`)

  test('of a login that is refused', async () => {
    await redis.client.acl('SETUSER', 'worker', 'on', '>another', '~*', '+@all')
    const addresses = [
      { url: withSecret(redis.url) },
      { url: redis.url, username: 'worker', password: CANARY },
      { url: redis.url, password: CANARY, username: 'nobody' },
    ]
    for (const address of addresses) {
      const error = await errorOf(connectRedis(address))
      expect(error).toSatisfy(told('redis-refused', /refuses the login \(WRONGPASS\)\. Set REDIS_PASSWORD/))
      expect(everythingOf(error)).not.toContain(CANARY)
    }
  })

  test('of a server that is not there', async () => {
    const url = withSecret(`redis://127.0.0.1:${await freePort()}`)
    const error = await errorOf(
      openProducer(
        { url, password: CANARY },
        perType(type => type),
      ),
    )
    expect(error.message).toContain(url.replace(`worker:${CANARY}@`, ''))
    expect(everythingOf(error)).not.toContain(CANARY)
  })

  test('the address that messages show has no user, password or query', () => {
    expect(whereIs({ url: `rediss://worker:${CANARY}@host:6380/3?key=${CANARY}` })).toBe(
      'rediss://host:6380/3',
    )
    expect(whereIs({ url: 'redis://host/', password: CANARY })).toBe('redis://host')
  })
})
