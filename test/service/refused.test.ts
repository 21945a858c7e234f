import { once } from 'node:events'
import { createServer } from 'node:net'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { sentenceOf } from '../cli/skydrain.ts'
import { openWorld, type Place, type World } from '../cli/world.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'

let world: World
let queue: RedisServer

beforeAll(async () => {
  world = await openWorld('open')
  queue = await startRedis()
})
afterAll(async () => {
  await queue?.stop()
  await world?.close()
})

async function placeOf(name: string, env: Readonly<Record<string, string>> = {}): Promise<Place> {
  return await world.place(name, { QUEUE_REDIS_URL: queue.url, PORT: '0', METRICS_PORT: '0', ...env })
}

test('a queue Redis that evicts is refused by all who need it', async () => {
  const evicting = await startRedis('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
  try {
    const place = await placeOf('evicting', { QUEUE_REDIS_URL: evicting.url })
    for (const words of [['server'], ['worker'], ['run', 'data-writer']]) {
      const ended = await place.run(...words)
      expect(ended.code).toBe(1)
      expect(sentenceOf(ended)).toBe(
        `skydrain: Redis at ${evicting.url} may evict the queue's keys (maxmemory-policy allkeys-lru). Set it to noeviction there, or set QUEUE_REDIS_URL to a server that has it.`,
      )
    }
  } finally {
    await evicting.stop()
  }
})

test('a worker with the DATA_DIR of another dataset is refused by the queue of the first', async () => {
  const own = await placeOf('own')
  const first = own.start('worker')
  await first.says('A worker of')
  first.child.kill('SIGTERM')
  expect((await first.ended).code).toBe(0)
  const other = await placeOf('other')
  const ended = await other.run('worker')
  expect(ended.code).toBe(1)
  expect(sentenceOf(ended)).toMatch(
    /^skydrain: The queue in Redis at .* is of another dataset \([0-9a-f-]{36}; DATA_DIR holds [0-9a-f-]{36}\)\. Set DATA_DIR to that dataset/,
  )
})

test('a port in use is told by the server and the worker, with what chooses another one', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  try {
    const ports = { PORT: String(port), METRICS_PORT: String(port) }
    const place = await placeOf('ports', { ...ports, QUEUE_REDIS_URL: world.redis.url })
    const choices = { server: '--port or PORT', worker: 'METRICS_PORT' }
    for (const [word, choice] of Object.entries(choices)) {
      const { code, stdout, stderr } = await place.run(word)
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toContain(
        `skydrain: Port ${port} on 127.0.0.1 is in use. Stop what uses it, or choose another with ${choice}.\n`,
      )
    }
  } finally {
    taken.close()
  }
})

test('mistakes in the configuration are told before anything is started', async () => {
  const place = await placeOf('mistakes')
  const wrong = [
    { SCHEDULE: 'every five minutes' },
    { SCHEDULE: '*/5 * * *' },
    { SCHEDULE: '61 * * * *' },
    { TIMEZONE: 'Mars/Olympus' },
    { HOST: '0.0.0.0' },
  ]
  for (const env of wrong) {
    const [name, value] = Object.entries(env)[0] ?? []
    const { code, stdout, stderr } = await place.with(env).run('worker')
    expect([code, stdout], stderr).toEqual([64, ''])
    expect(stderr).toMatch(/^skydrain: The configuration has mistakes:\n {2}\S/)
    expect(stderr).toContain(`${name} is '${value}'`)
  }
})

test('a queue that is away is told by who asks for a run, with 69 and the variable that names it', async () => {
  const place = await placeOf('away', { QUEUE_REDIS_URL: 'redis://127.0.0.1:1' })
  const ended = await place.run('run', 'data-writer')
  expect(ended.code).toBe(69)
  expect(sentenceOf(ended)).toMatch(
    /^skydrain: Redis at redis:\/\/127\.0\.0\.1:1 does not answer .*QUEUE_REDIS_URL/,
  )
})

test('the buffer away at the start of a worker: 69, and no worker that looks alive', async () => {
  const place = await placeOf('no-buffer', { REDIS_URL: 'redis://127.0.0.1:1' })
  const ended = await place.run('worker')
  expect(ended.code).toBe(69)
  expect(sentenceOf(ended)).toMatch(/does not answer .*REDIS_URL/)
})
