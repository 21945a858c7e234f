import { Queue } from 'bullmq'
import { expect, test } from 'vitest'

import { PREFIX, QUEUE } from '../../src/workers/queue-names.ts'
import { openRunQueue } from '../../src/workers/run-queue.ts'
import { keepSchedule } from '../../src/workers/schedule.ts'
import { waitFor } from '../cli/world.ts'
import { numberFlow, type Work } from '../engine/number-flow.ts'
import { ended, events, log, onSchedule, queue, redis, useQueue, work } from './queue-station.ts'

useQueue()

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

test('a run whose parts never end keeps no tick away for ever: it is Crashed, and the next one begins', async () => {
  work({ ...onSchedule(), timeoutMs: 1_000 })
  const bull = new Queue(QUEUE, { prefix: PREFIX, connection: { url: redis.url } })
  // As it stands when a worker died while it shared a run, and a part of it was given up meanwhile.
  const data = { params: [1], dueAt: 0, isDeployment: true, startedAt: 1, plan: [1], isShared: true }
  const deduplication = { id: 'numbers/numbers' }
  await bull.add('numbers', data, { jobId: 'stuck', delay: 3_600_000, deduplication })
  await bull.close()
  const schedule = { cron: '* * * * * *', timeZone: 'UTC' }
  const kept = keepSchedule({ address: { url: redis.url }, flow: 'numbers', schedule, log })
  await waitFor('a run', async () => events.some(it => it.state === 'Completed'))
  await kept.close()
  expect(events[0]).toMatchObject({ runId: 'stuck', state: 'Crashed' })
})

test('what was asked of a queue that is away fails within seconds, and so does its end', async () => {
  const away = openRunQueue({ url: 'redis://127.0.0.1:1' })
  await expect(away.counts()).rejects.toThrow('The queue did not answer within 5 s.')
  await away.close()
  const kept = keepSchedule({
    address: { url: 'redis://127.0.0.1:1' },
    flow: 'numbers',
    schedule: { cron: '* * * * * *', timeZone: 'UTC' },
    log,
  })
  await kept.close()
})

test('a job whose lock was lost is not done twice at once by the worker that is at it', async () => {
  let atOnce = 0
  let most = 0
  const begun: number[] = []
  const slow: Work = async (part, { signal, keep, before }) => {
    begun.push(part)
    atOnce += 1
    most = Math.max(most, atOnce)
    if (before === undefined) {
      keep(1)
      await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
      atOnce -= 1
      throw signal.reason
    }
    keep(before + part)
    atOnce -= 1
  }
  work(numberFlow(slow))
  const runId = await queue.add('numbers', [7])
  await waitFor('its part to begin', async () => begun.length === 1)
  // What a Redis does that was away for longer than the lock lives.
  await redis.client.del(`${PREFIX}:${QUEUE}:${runId}-0:lock`)
  expect(await ended(runId)).toMatchObject({ state: 'Completed', result: 8 })
  expect([begun.length, most]).toEqual([2, 1])
})
