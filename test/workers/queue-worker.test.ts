import { Queue } from 'bullmq'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { carried } from '../../src/engine/carried-flow.ts'
import type { RunEvent } from '../../src/engine/run-event.ts'
import { PREFIX, QUEUE } from '../../src/workers/queue-names.ts'
import { type QueueWorker, startQueueWorker } from '../../src/workers/queue-worker.ts'
import { openRunQueue, type RunQueue } from '../../src/workers/run-queue.ts'
import { keepSchedule } from '../../src/workers/schedule.ts'
import { waitForRun } from '../../src/workers/wait-for-run.ts'
import { waitFor } from '../cli/world.ts'
import { numberFlow, type Work } from '../engine/number-flow.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'

let redis: RedisServer
let queue: RunQueue
let workers: QueueWorker[]
let events: RunEvent[]
let warnings: string[]

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach(async () => {
  await redis.client.flushall()
  workers = []
  events = []
  warnings = []
  queue = openRunQueue({ url: redis.url })
})
afterEach(async () => {
  await Promise.all(workers.map(it => it.close(1_000)))
  await queue?.close()
})

const log = { info: () => undefined, warning: (message: string) => void warnings.push(message) }

type NumberFlow = ReturnType<typeof numberFlow>

/** A schedule gives no parameters. */
function onSchedule(it?: Work): NumberFlow {
  return { ...numberFlow(it), params: z.array(z.number()).catch([1]) }
}

function work(flow: NumberFlow, name = 'here:1'): QueueWorker {
  const worker = startQueueWorker({
    address: { url: redis.url },
    flows: [carried(flow)],
    concurrency: 2,
    name,
    log,
    emit: event => void events.push(event),
  })
  workers.push(worker)
  return worker
}

async function ended(runId: string) {
  const signal = new AbortController().signal
  return await waitForRun(queue, runId, { onLook: () => undefined, warn: () => undefined, signal })
}

/** Work that waits until it is let go. */
function held() {
  let letGo: () => void = () => undefined
  const released = new Promise<void>(resolve => {
    letGo = resolve
  })
  const begun: number[] = []
  const hold: Work = async (part, { keep, signal }) => {
    begun.push(part)
    const stopped = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    )
    await Promise.race([released, stopped])
    keep(part)
  }
  return { hold, letGo, begun }
}

async function keysOf(kind: string): Promise<number> {
  const bull = new Queue(QUEUE, { prefix: PREFIX, connection: { url: redis.url } })
  const jobs = await bull.getJobs(['waiting', 'active', 'delayed', 'waiting-children', 'completed', 'failed'])
  await bull.close()
  return jobs.filter(job => job?.name === kind).length
}

describe('a run in the queue', () => {
  test('is planned, shared as parts and ended, and tells its beginning and its end', async () => {
    work(numberFlow())
    const runId = await queue.add('numbers', [1, 2, 3])
    expect(await ended(runId)).toMatchObject({ runId, state: 'Completed', result: 6 })
    expect(events).toMatchObject([
      { runId, flow: 'numbers', state: 'Running', worker: 'here:1', waitedMs: expect.any(Number) },
      { runId, flow: 'numbers', state: 'Completed', result: 6, durationMs: expect.any(Number) },
    ])
  })

  test('has its parts done by all workers at once', async () => {
    const { hold, letGo, begun } = held()
    work(numberFlow(hold), 'one:1')
    work(numberFlow(hold), 'two:2')
    const runId = await queue.add('numbers', [1, 2, 3, 4, 5, 6])
    // Each worker takes two, and one more beside them.
    await waitFor('six parts at once', async () => begun.length === 6)
    expect((await queue.read(runId))?.parts.map(it => it.part)).toEqual([1, 2, 3, 4, 5, 6])
    letGo()
    expect(await ended(runId)).toMatchObject({ state: 'Completed', result: 21 })
  })

  test('of no parts is Completed', async () => {
    work(numberFlow())
    expect(await ended(await queue.add('numbers', []))).toMatchObject({ state: 'Completed', result: 0 })
  })

  test('that cannot be planned is Failed with the reason, and the worker goes on', async () => {
    work({
      ...numberFlow(),
      plan: params => (params.length > 1 ? Promise.reject(new Error('too many')) : Promise.resolve(params)),
    })
    expect(await ended(await queue.add('numbers', [1, 2]))).toMatchObject({
      state: 'Failed',
      error: { message: 'too many' },
    })
    expect(await ended(await queue.add('numbers', [3]))).toMatchObject({ state: 'Completed', result: 3 })
  })

  test('with parameters that are none of its flow’s is Failed', async () => {
    work(numberFlow())
    expect(await ended(await queue.add('numbers', 'no numbers'))).toMatchObject({ state: 'Failed' })
    expect(events.at(-1)).toMatchObject({
      state: 'Failed',
      error: { message: expect.stringContaining('expected array') },
    })
  })

  test('of a flow that no worker knows is given up, with its name', async () => {
    work(numberFlow())
    expect(await ended(await queue.add('letters', []))).toMatchObject({ state: 'Crashed' })
    expect(warnings.join()).toContain("This worker knows no flow for the job 'letters'")
  })

  test('goes back when its worker is stopped, and another goes on with what was done of it', async () => {
    const seen: unknown[] = []
    const halfWay: Work = async (part, { keep, signal, before, isTakenOver }) => {
      seen.push([before, isTakenOver])
      if (before !== undefined) return keep(before + part)
      keep(100)
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const first = work(numberFlow(halfWay), 'one:1')
    const runId = await queue.add('numbers', [7])
    await waitFor('its part to begin', async () => seen.length === 1)
    await first.close(5_000)
    work(numberFlow(halfWay), 'two:2')
    expect(await ended(runId)).toMatchObject({ state: 'Completed', result: 107 })
    expect(seen).toEqual([
      [undefined, false],
      [100, false],
    ])
  })
})

describe('of a deployment', () => {
  test('one run is on its way at a time: what asks for another gets none', async () => {
    const { hold, letGo, begun } = held()
    work(numberFlow(hold))
    const first = await queue.addOfDeployment('numbers', [1])
    await waitFor('it to begin', async () => begun.length === 1)
    expect(await queue.addOfDeployment('numbers', [2])).toBeUndefined()
    // A run that somebody asks for is another matter.
    const own = await queue.add('numbers', [3])
    await waitFor('it to begin too', async () => begun.length === 2)
    letGo()
    await ended(first ?? '')
    await ended(own)
    const again = await queue.addOfDeployment('numbers', [4])
    expect(await ended(again ?? '')).toMatchObject({ result: 4 })
  })

  test('ticks that come while a run is on its way bring no other one', async () => {
    const { hold, letGo, begun } = held()
    work(onSchedule(hold))
    const schedule = { cron: '* * * * * *', timeZone: 'UTC' }
    const kept = keepSchedule({ address: { url: redis.url }, flow: 'numbers', schedule, log })
    try {
      await waitFor('a run', async () => begun.length === 1)
      await waitFor('three more ticks', async () => (await keysOf('tick')) >= 4)
      expect(await keysOf('numbers')).toBe(1)
      letGo()
      await waitFor('the next run', async () => begun.length >= 2)
    } finally {
      await kept.close()
    }
  })

  test('a mark of a run that is gone keeps no tick away', async () => {
    work(onSchedule())
    await redis.client.set(`${PREFIX}:${QUEUE}:de:numbers/numbers`, 'a-run-that-is-gone')
    const schedule = { cron: '* * * * * *', timeZone: 'UTC' }
    const kept = keepSchedule({ address: { url: redis.url }, flow: 'numbers', schedule, log })
    await waitFor('a run', async () => events.some(it => it.state === 'Completed'))
    await kept.close()
  })

  test('one more run follows where time was over, and no more than one', async () => {
    let left = 2
    const flow = numberFlow()
    work({ ...flow, end: parts => ({ ...flow.end(parts), again: left-- > 0 }) })
    await queue.addOfDeployment('numbers', [5])
    await waitFor('three runs', async () => events.filter(it => it.state === 'Completed').length === 3)
    expect(await queue.addOfDeployment('numbers', [6])).toBeDefined()
    await waitFor('a fourth', async () => events.filter(it => it.state === 'Completed').length === 4)
    expect(events.filter(it => it.state === 'Completed').map(it => it.result)).toEqual([5, 5, 5, 6])
  })
})

describe('runs in turn', () => {
  test('begin one after another, oldest first', async () => {
    const order: number[] = []
    work(numberFlow(async part => void order.push(part)))
    const runIds = await queue.addInTurn('numbers', [[1], [2], [3], [4]])
    for (const runId of runIds) expect((await ended(runId)).state).toBe('Completed')
    expect(order).toEqual([1, 2, 3, 4])
    const times = events.map(({ runId, state }) => `${runIds.indexOf(runId)} ${state}`)
    expect(times).toEqual([0, 1, 2, 3].flatMap(at => [`${at} Running`, `${at} Completed`]))
  })

  test('go on behind one that failed', async () => {
    work(numberFlow(part => (part === 1 ? Promise.reject(new Error('broken')) : Promise.resolve())))
    const runIds = await queue.addInTurn('numbers', [[1], [2]])
    expect((await ended(runIds[0] ?? '')).state).toBe('Failed')
    expect((await ended(runIds[1] ?? '')).state).toBe('Completed')
  })
})

test('a schedule that Redis has lost, or that is another one, is set again', async () => {
  const ask = () => queue.nextAt('numbers')
  const schedule = { cron: '0 0 1 1 *', timeZone: 'UTC' }
  const first = keepSchedule({ address: { url: redis.url }, flow: 'numbers', schedule, log })
  const at = await waitFor('the schedule', ask)
  expect(new Date(at).toISOString()).toMatch(/-01-01T00:00:00\.000Z$/)
  await redis.client.flushall()
  await waitFor('it to be set again', ask)
  await first.close()
  const second = keepSchedule({
    address: { url: redis.url },
    flow: 'numbers',
    schedule: { cron: '0 0 1 1 *', timeZone: 'America/New_York' },
    log,
  })
  await waitFor('the other time zone', async () => (await ask()) !== at)
  await second.close()
})

test('who waits for a run that the queue has lost is told so', async () => {
  const runId = await queue.add('numbers', [1])
  await redis.client.flushall()
  await expect(ended(runId)).rejects.toMatchObject({ code: 'run-unknown' })
})
