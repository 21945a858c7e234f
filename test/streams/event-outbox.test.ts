import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { describe, expect, test } from 'vitest'

import { RUN_EVENTS_KEY } from '../../src/streams/run-events.ts'
import { waitFor } from '../cli/world.ts'
import { freePort, startRedis } from '../redis-server.ts'
import {
  clients,
  closers,
  delivered,
  emitAll,
  event,
  numbered,
  open,
  redis,
  refusals,
  stored,
  useQueueRedis,
} from './event-world.ts'
import { openPipe } from './tcp-pipe.ts'

useQueueRedis()

/** Compiled by the build: whether a process ends only a process can show. */
const teller = fileURLToPath(new URL('../../dist/test/streams/event-teller.js', import.meta.url))

describe('telling', () => {
  test('keeps events while Redis is away, and delivers them in order as soon as it is back', async () => {
    const events = open()
    emitAll(events, 1, 1)
    await delivered(1)
    await redis.kill()
    emitAll(events, 2, 300)
    await redis.restart()
    await delivered(300)
    expect((await events.latest(300)).map(it => it.event.durationMs).reverse()).toEqual(numbered(1, 300))
    expect(events.told).toEqual([])
  })

  test('keeps the newest 1,000, drops the oldest and tells it once', async () => {
    await redis.kill()
    const events = open()
    emitAll(events, 1, 1_100)
    await redis.restart()
    await delivered(1_000)
    expect(await events.close(10_000)).toBeUndefined()
    expect((await events.latest(2_000)).map(it => it.event.durationMs).reverse()).toEqual(
      numbered(101, 1_100),
    )
    expect(events.told).toEqual([
      expect.stringMatching(/takes no events of runs\. The newest 1000 are kept until it does/),
    ])
  })

  test('keeps events while Redis is full, and tells why once', async () => {
    await redis.client.config('SET', 'maxmemory', '1')
    const events = open()
    emitAll(events, 1, 3)
    await waitFor('two refusals', async () => (await refusals()) >= 2)
    await redis.client.config('SET', 'maxmemory', '0')
    await delivered(3)
    expect((await events.latest(9)).map(it => it.event.durationMs)).toEqual([3, 2, 1])
    expect(events.told).toEqual([
      expect.stringMatching(/is full and refuses writes .* The events of runs wait/),
    ])
  })

  test('takes an event for delivered only when Redis says so, also where it was dropped meanwhile', async () => {
    const events = open()
    await redis.client.call('CLIENT', 'PAUSE', '60000', 'WRITE')
    emitAll(events, 1, 1)
    await waitFor('the first to be on its way', async () => {
      const list = String(await redis.client.client('LIST')).split('\n')
      return list.some(line => line.includes(' cmd=xadd ') && line.includes(' flags=b '))
    })
    emitAll(events, 2, 1_001)
    await redis.client.call('CLIENT', 'UNPAUSE')
    await events.close(10_000)
    expect((await events.latest(2_000)).map(it => it.event.durationMs).reverse()).toEqual(numbered(1, 1_001))
  })

  test('sends again what was lost on the way', async () => {
    const pipe = await openPipe(redis.port)
    closers.push(() => pipe.close())
    const events = open(`redis://127.0.0.1:${pipe.port}`)
    emitAll(events, 1, 1)
    await delivered(1)
    pipe.cut()
    emitAll(events, 2, 3)
    await events.close(10_000)
    // Of the first one the answer may have been lost, too.
    const numbers = (await events.latest(9)).map(it => it.event.durationMs)
    expect([...new Set(numbers)]).toEqual([3, 2, 1])
  })

  test('what is no JSON is told, and the events behind it are delivered', async () => {
    const events = open()
    events.emit({ ...event(1), result: 1n })
    emitAll(events, 2, 2)
    await delivered(1)
    expect((await events.latest(9)).map(it => it.event.durationMs)).toEqual([2])
    expect(events.told).toEqual([expect.stringMatching(/^An event of run run-1 is not JSON: .*BigInt/)])
  })

  test('keeps about 10,000 events on the stream', async () => {
    const pipeline = redis.client.pipeline()
    for (let n = 0; n < 10_400; n += 1) pipeline.xadd(RUN_EVENTS_KEY, '*', 'event', '{}')
    await pipeline.exec()
    const events = open()
    emitAll(events, 1, 1)
    await events.close(10_000)
    expect(await stored()).toBeLessThan(10_200)
    expect(await stored()).toBeGreaterThanOrEqual(10_000)
  })
})

describe('closing', () => {
  test('delivers what is kept, and leaves no connection', async () => {
    const events = open()
    emitAll(events, 1, 200)
    await Promise.all([events.close(10_000), events.close(10_000)])
    expect(await stored()).toBe(200)
    emitAll(events, 201, 201)
    await waitFor('the end of its connection', async () => (await clients()) === 0)
    expect([await stored(), events.told]).toEqual([200, []])
  })

  test('lets go in time where Redis is away, hangs, or never lets anybody in, and tells what is lost', async () => {
    const hanging = await startRedis()
    const silent = await openPipe(redis.port)
    closers.push(hanging.stop, silent.close)
    silent.swallow()
    silent.swallowNew()
    process.kill(hanging.pid, 'SIGSTOP')
    const urls = [await freePort(), hanging.port, silent.port].map(port => `redis://127.0.0.1:${port}`)
    const all = urls.map(url => open(url))
    const stopped = await startRedis()
    closers.push(stopped.stop)
    const connected = open(stopped.url)
    emitAll(connected, 0, 0)
    await waitFor('the first event', async () => (await stopped.client.xlen(RUN_EVENTS_KEY)) === 1)
    process.kill(stopped.pid, 'SIGSTOP')
    for (const events of [...all, connected]) {
      emitAll(events, 1, 3)
      const startedAt = Date.now()
      await events.close(200)
      expect(Date.now() - startedAt).toBeLessThan(1_500)
      expect(events.told).toEqual([expect.stringMatching(/^3 events of runs did not reach Redis at redis:/)])
    }
  })

  test('does not wait for its next try', async () => {
    await redis.client.config('SET', 'maxmemory', '1')
    const events = open()
    emitAll(events, 1, 1)
    await waitFor('six refusals', async () => (await refusals()) >= 6)
    const startedAt = Date.now()
    await events.close(0)
    expect(Date.now() - startedAt).toBeLessThan(500)
  })

  test('takes no event any more', async () => {
    const events = open()
    await redis.client.call('CLIENT', 'PAUSE', '60000', 'WRITE')
    emitAll(events, 1, 1)
    const closed = events.close(10_000)
    emitAll(events, 2, 2)
    await redis.client.call('CLIENT', 'UNPAUSE')
    await closed
    expect((await events.latest(9)).map(it => it.event.durationMs)).toEqual([1])
  })

  test('lets the process end, also where Redis hangs', async () => {
    const hanging = await startRedis()
    closers.push(hanging.stop)
    process.kill(hanging.pid, 'SIGSTOP')
    for (const { url } of [hanging, redis]) {
      const child = spawn(process.execPath, [teller, url], { stdio: 'inherit' })
      const [code] = await once(child, 'exit')
      expect(code).toBe(0)
    }
    expect(await stored()).toBe(1)
  })
})
