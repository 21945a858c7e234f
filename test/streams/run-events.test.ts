import { describe, expect, test } from 'vitest'

import { RUN_EVENTS_KEY } from '../../src/streams/run-events.ts'
import { waitFor } from '../cli/world.ts'
import { freePort } from '../redis-server.ts'
import {
  clients,
  closers,
  delivered,
  emitAll,
  event,
  follow,
  numbered,
  open,
  redis,
  stored,
  useQueueRedis,
} from './event-world.ts'
import { openPipe } from './tcp-pipe.ts'

useQueueRedis()

describe('following', () => {
  test('gives what is there from the first event on, then each new one as it comes, whole', async () => {
    const events = open()
    emitAll(events, 1, 250)
    await delivered(250)
    const following = follow(open())
    await following.sees(250)
    emitAll(events, 251, 253)
    await following.sees(253)
    expect(following.numbers()).toEqual(numbered(1, 253))
    expect(following.seen[6]?.event).toEqual(event(7))
  })

  test('begins behind the entry that it is given', async () => {
    const events = open()
    emitAll(events, 1, 5)
    await delivered(5)
    const whole = follow(events)
    await whole.sees(5)
    const rest = follow(events, whole.seen[2]?.id)
    await rest.sees(2)
    emitAll(events, 6, 6)
    await rest.sees(3)
    expect(rest.numbers()).toEqual([4, 5, 6])
  })

  test('goes on through a restart of Redis, and misses and doubles nothing', async () => {
    const events = open()
    const following = follow(events)
    emitAll(events, 1, 3)
    await following.sees(3)
    await redis.kill()
    emitAll(events, 4, 6)
    await redis.restart()
    await following.sees(6)
    expect(following.numbers()).toEqual(numbered(1, 6))
    expect([await stored(), events.told]).toEqual([6, []])
  })

  test('goes on where the stream was emptied and begins anew, also with smaller ids', async () => {
    const events = open()
    const following = follow(events)
    const future = Date.now() + 3_600_000
    await redis.client.xadd(RUN_EVENTS_KEY, `${future}-0`, 'event', JSON.stringify(event(1)))
    await following.sees(1)
    await redis.client.flushall()
    emitAll(events, 2, 3)
    await following.sees(3)
    expect(following.numbers()).toEqual([1, 2, 3])
  })

  test('reads a stream that began anew while nobody followed it from its beginning', async () => {
    const events = open()
    emitAll(events, 1, 2)
    await delivered(2)
    const following = follow(events, `${Date.now() + 3_600_000}-0`)
    await following.sees(2)
    expect(following.numbers()).toEqual([1, 2])
  })

  test('misses nothing where a stream that began anew has grown past what was read when it is looked at', async () => {
    const events = open()
    const add = (id: number, n: number) =>
      redis.client.xadd(RUN_EVENTS_KEY, `${id}-0`, 'event', JSON.stringify(event(n)))
    for (const n of numbered(1, 5)) await add(n * 100, n)
    const following = follow(events)
    await following.sees(5)
    // Its next look notes how many entries the stream ever took.
    const looks = async () =>
      Number(/cmdstat_xinfo\|stream:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1])
    const before = await looks()
    await waitFor('a look at the stream', async () => (await looks()) > before)
    await redis.client
      .multi()
      .flushall()
      .xadd(RUN_EVENTS_KEY, '100-0', 'event', JSON.stringify(event(6)))
      .xadd(RUN_EVENTS_KEY, '600-0', 'event', JSON.stringify(event(7)))
      .exec()
    await waitFor('the event with the small id', async () => following.numbers().includes(6))
    expect(new Set(following.numbers())).toEqual(new Set(numbered(1, 7)))
  })

  test('finds out by itself that a connection is dead which says nothing of it', async () => {
    const pipe = await openPipe(redis.port)
    closers.push(() => pipe.close())
    const following = follow(open(`redis://127.0.0.1:${pipe.port}`))
    emitAll(open(), 1, 1)
    await following.sees(1)
    pipe.swallow()
    emitAll(open(), 2, 2)
    await following.sees(2)
    expect(following.numbers()).toEqual([1, 2])
  })

  test('skips what is no event, and tells the first', async () => {
    const events = open()
    const following = follow(events)
    const bad = [
      ['event', 'no JSON'],
      ['event', '[]'],
      ['event', JSON.stringify({ ...event(1), state: 'Sleeping' })],
      ['event', JSON.stringify({ ...event(1), runId: 7 })],
      ['event', JSON.stringify({ ...event(1), time: 'yesterday' })],
      ['event', JSON.stringify({ ...event(1), durationMs: '7' })],
      ['event', JSON.stringify({ ...event(1), error: 'none' })],
      ['another', JSON.stringify(event(1))],
    ]
    for (const fields of bad) await redis.client.xadd(RUN_EVENTS_KEY, '*', ...fields)
    emitAll(events, 2, 2)
    await following.sees(1)
    expect(following.numbers()).toEqual([2])
    expect(events.told).toEqual([
      expect.stringMatching(/^Entry \d+-0 of \{skydrain\}:runs in Redis at .* is no event/),
    ])
    expect((await events.latest(100)).map(it => it.event.runId)).toEqual(['run-2'])
  })

  test('throws what the taker throws, and leaves no connection', async () => {
    emitAll(open(), 1, 1)
    const events = open()
    const take = () => Promise.reject(new Error('the disk is full'))
    await expect(events.follow({ from: '0', take, signal: new AbortController().signal })).rejects.toThrow(
      'the disk is full',
    )
    await waitFor('the end of its connection', async () => (await clients()) === 1)
  })

  test('takes one event after another, and none after it was stopped', async () => {
    const events = open()
    emitAll(events, 1, 9)
    await delivered(9)
    const controller = new AbortController()
    const taken: string[] = []
    await events.follow({
      from: '0',
      signal: controller.signal,
      take: async (_id, { runId }) => {
        taken.push(`${runId} begins`)
        await redis.client.ping()
        taken.push(`${runId} is done`)
        if (runId === 'run-2') controller.abort()
      },
    })
    expect(taken).toEqual(['run-1 begins', 'run-1 is done', 'run-2 begins', 'run-2 is done'])
  })

  test.each(['stopped', 'closed'])('ends at once where it is %s while it waits', async how => {
    const events = open()
    const following = follow(events)
    emitAll(events, 1, 1)
    await following.sees(1)
    const startedAt = Date.now()
    if (how === 'stopped') following.stop()
    else await events.close(10_000)
    await following.ended
    expect(Date.now() - startedAt).toBeLessThan(1_500)
  })

  test('tells once why it cannot read, and reads as soon as it can', async () => {
    await redis.client.set(RUN_EVENTS_KEY, 'a string')
    const events = open()
    const following = follow(events)
    await waitFor('the sentence', async () => events.told.length > 0)
    await redis.client.del(RUN_EVENTS_KEY)
    emitAll(open(), 1, 1)
    await following.sees(1)
    expect(events.told).toEqual([
      expect.stringMatching(/^\{skydrain\}:runs is no stream .* The events of runs wait for it\.$/),
    ])
  })
})

describe('the newest events', () => {
  test('come newest first, as many as were asked for', async () => {
    const events = open()
    expect(await events.latest(3)).toEqual([])
    emitAll(events, 1, 5)
    await delivered(5)
    const newest = await events.latest(3)
    expect(newest.map(it => it.event.durationMs)).toEqual([5, 4, 3])
    expect(newest[0]).toEqual({ id: expect.stringMatching(/^\d+-\d+$/), event: event(5) })
    await waitFor('the end of its connection', async () => (await clients()) === 1)
  })

  test('cannot be had where Redis is away, or something else stands there', async () => {
    const nowhere = open(`redis://127.0.0.1:${await freePort()}`)
    await expect(nowhere.latest(1)).rejects.toMatchObject({ code: 'redis-unreachable', exitCode: 69 })
    await redis.client.set(RUN_EVENTS_KEY, 'a string')
    await expect(open().latest(1)).rejects.toMatchObject({ code: 'wrong-key-type' })
  })
})
