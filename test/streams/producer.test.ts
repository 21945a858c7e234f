import { afterEach, expect, test } from 'vitest'

import type { EventSink } from '../../src/flows/load-events.ts'
import { perType } from '../../src/records/event-type.ts'
import { openProducer } from '../../src/streams/producer.ts'
import { callsOf, newStream, redis, useRedis } from './stream-server.ts'

useRedis('--appendonly', 'no')

let producer: EventSink | undefined

afterEach(async () => {
  await producer?.close()
  await redis.client.config('SET', 'maxmemory', '0')
})

async function newProducer() {
  const prefix = newStream()
  const streams = perType(type => `${prefix}_${type}`)
  producer = await openProducer({ url: redis.url }, streams)
  return { streams, producer }
}

async function dataOf(stream: string): Promise<Buffer[]> {
  const entries = await redis.client.xrangeBuffer(stream, '-', '+')
  return entries.map(([, fields]) => fields[1] ?? Buffer.alloc(0))
}

const likes = (count: number, bytes = 10) =>
  Array.from({ length: count }, (_, n) => ({ type: 'likes' as const, data: `${n} `.padEnd(bytes, '.') }))

test('events are put on the streams of their types in order, with every byte', async () => {
  const { streams, producer } = await newProducer()
  const bytes = Buffer.from([0, 10, 13, 255, 0xe2, 0x80, 0xa8])
  await producer.add([
    { type: 'likes', data: '{"a":1}' },
    { type: 'posts', data: bytes },
    { type: 'likes', data: '{"a":2}' },
  ])
  await producer.add(likes(500))
  await producer.add([])
  expect((await dataOf(streams.likes)).map(String)).toEqual([
    '{"a":1}',
    '{"a":2}',
    ...likes(500).map(it => it.data),
  ])
  expect(await dataOf(streams.posts)).toEqual([bytes])
  expect(producer.added()).toEqual({ posts: 1, likes: 502, reposts: 0, follows: 0, blocks: 0 })
})

test('a Redis that gets full says how many events are there', async () => {
  const { streams, producer } = await newProducer()
  await producer.add(likes(20))
  const used = Number(/used_memory:(\d+)/.exec(await redis.client.info('memory'))?.[1])
  await redis.client.config('SET', 'maxmemory', String(used + 4_000_000))
  let error: Error | undefined
  for (let n = 0; n < 100 && error === undefined; n += 1) {
    error = await producer.add(likes(100, 10_000)).then(
      () => undefined,
      thrown => thrown,
    )
  }
  const there = await redis.client.xlen(streams.likes)
  expect(there).toBeGreaterThan(120)
  expect(error).toMatchObject({ code: 'redis-full' })
  expect(error?.message).toMatch(new RegExp(` ${there} events were put on the streams before that\\.$`))
  expect(producer.added().likes).toBe(there)
})

test('an XADD whose answer is lost is not sent again, and the error says how many may be there', async () => {
  const { streams, producer } = await newProducer()
  await producer.add(likes(3))
  const before = await callsOf('xadd')
  await redis.client.call('CLIENT', 'PAUSE', '60000', 'WRITE')
  const adding = producer.add(likes(7)).catch((error: Error) => error)
  const blocked = async () => {
    const clients = String(await redis.client.client('LIST')).split('\n')
    return clients.find(line => line.includes(' name=skydrain ') && line.includes(' cmd=xadd '))
  }
  await expect.poll(blocked).toBeDefined()
  await redis.client.client('KILL', 'ID', /^id=(\d+)/.exec((await blocked()) ?? '')?.[1] ?? '')
  const error = await adding
  await redis.client.call('CLIENT', 'UNPAUSE')

  expect(error).toMatchObject({ code: 'redis-unreachable' })
  expect((error as Error).message).toMatch(
    / 3 events were put on the streams before that, and 7 more may have been\.$/,
  )
  await expect(producer.add(likes(1))).rejects.toMatchObject({ code: 'redis-unreachable' })
  expect(await redis.client.xlen(streams.likes)).toBe(3)
  expect(await callsOf('xadd')).toBe(before)
})

test('a key that is no stream is told, and the other types are still put', async () => {
  const { streams, producer } = await newProducer()
  await redis.client.set(streams.posts, 'a string')
  const events = [
    { type: 'posts' as const, data: '{}' },
    { type: 'likes' as const, data: '{}' },
  ]
  await expect(producer.add(events)).rejects.toThrow(/posts is no stream.* 1 events were put/)
  expect(await redis.client.xlen(streams.likes)).toBe(1)
})
