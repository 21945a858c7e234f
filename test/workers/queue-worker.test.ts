import { describe, expect, test } from 'vitest'
import { z } from 'zod'

import { PREFIX, QUEUE } from '../../src/workers/queue-names.ts'
import { keepSchedule } from '../../src/workers/schedule.ts'
import { waitFor } from '../cli/world.ts'
import { numberFlow, type Work } from '../engine/number-flow.ts'
import {
  ended,
  events,
  held,
  keysOf,
  log,
  onSchedule,
  queue,
  redis,
  useQueue,
  warnings,
  work,
} from './queue-station.ts'

useQueue()

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

  test('is planned once, and its plan kept', async () => {
    let plans = 0
    const plan = async () => {
      plans += 1
      return [plans, plans]
    }
    work({ ...numberFlow(), plan })
    expect(await ended(await queue.add('numbers', []))).toMatchObject({ state: 'Completed', result: 2 })
    expect(plans).toBe(1)
  })

  test('of which a part was given up ends as its flow says of a part that is Crashed', async () => {
    let looks = 0
    // The worker that takes the part does not know its shape; the one that ends the run does.
    const part = z.number().refine(() => looks++ > 0)
    work({ ...numberFlow(), part })
    expect(await ended(await queue.add('numbers', [5]))).toMatchObject({
      state: 'Crashed',
      result: 0,
      error: { message: expect.stringMatching(/^a part of the run was given up: /) },
    })
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
      const at = (await queue.nextAt('numbers')) ?? 0
      await waitFor('three more ticks', async () => ((await queue.nextAt('numbers')) ?? 0) >= at + 3_000)
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
