import { expect, test } from 'vitest'

import type { RunEvent } from '../../src/engine/run-event.ts'
import { eventTypes } from '../../src/records/event-type.ts'
import { type Place, sumOf, waitFor } from '../cli/world.ts'
import { atStation, scrapeOf, serve } from './serving.ts'
import { eventsOf, generate, type Station } from './station.ts'

/** The first of January: runs are only those that a test asks for. */
const SELDOM = { SCHEDULE: '0 0 1 1 *' }

test.concurrent('the metrics tell what was produced and run, and a server that was killed tells it again', () =>
  atStation(SELDOM, async station => {
    const { place } = station
    const server = await serve(station, 'server')
    const produced = await generate(place, 1_000)
    const lastTimes = await newestSeconds(place)
    const before = await scrapeOf(server)
    expect(perStream(before, place, 'lag')).toEqual(produced)
    expect(before.get('skydrain_schedule_next_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000)

    const worker = await serve(station, 'worker')
    for (let run = 0; run < 2; run += 1) {
      expect((await place.run('run', 'data-writer', '--wait')).code).toBe(0)
    }
    // What is read of Redis is kept for some seconds.
    const after = await waitFor('both runs, the worker and the empty streams in the metrics', async () => {
      const samples = await scrapeOf(server)
      const isRead = samples.get('skydrain_workers') === 1 && sumOf(perStream(samples, place, 'lag')) === 0
      return runsIn(samples, 'completed') === 2 && isRead && samples
    })
    await expectWhatRan(station, after)
    expect(perStream(after, place, 'messages_consumed_total')).toEqual(produced)
    expect(perStream(after, place, 'last_message_timestamp')).toEqual(lastTimes)
    const none = Object.fromEntries(eventTypes.map(type => [type, 0]))
    for (const name of ['lag', 'pending_messages', 'messages_claimed_total']) {
      expect(perStream(after, place, name)).toEqual(none)
    }
    for (const [type, size] of Object.entries(perStream(after, place, 'batch_size'))) {
      expect(size).toBeGreaterThan(0)
      expect(size).toBeLessThanOrEqual(produced[type as keyof typeof produced])
    }

    await worker.stop()
    const waiting = await generate(place, 200)
    const ageOf = (samples: ReadonlyMap<string, number>) =>
      samples.get(`skydrain_stream_oldest_entry_age_seconds{stream_name="${place.prefix}likes"}`) ?? 0
    const young = await waitFor('what waits to be in the metrics', async () => {
      const samples = await scrapeOf(server)
      return ageOf(samples) > 0 && samples
    })
    expect(perStream(young, place, 'lag')).toEqual(waiting)
    await waitFor('the oldest entry to be older', async () => ageOf(await scrapeOf(server)) > ageOf(young))

    server.kill('SIGKILL')
    const again = await server.again()
    expect(toldByRuns(await scrapeOf(again))).toEqual(toldByRuns(after))
  }))

/** When Redis took the newest entry of each stream, in seconds since 1970. */
async function newestSeconds({ client, prefix }: Place): Promise<Record<string, number>> {
  const found = eventTypes.map(async type => {
    const [newest] = await client.xrevrange(`${prefix}${type}`, '+', '-', 'COUNT', 1)
    return [type, Number(newest?.[0].split('-')[0]) / 1_000] as const
  })
  return Object.fromEntries(await Promise.all(found))
}

async function expectWhatRan(station: Station, samples: ReadonlyMap<string, number>): Promise<void> {
  const events = await eventsOf(station)
  const flow = 'flow="data-writer"'
  const ends = events.filter(it => it.state === 'Completed')
  expect(ends).toHaveLength(2)
  expect(runsIn(samples, 'failed')).toBe(0)
  expect(samples.get(`skydrain_flow_runs{${flow},state="running"}`)).toBe(0)
  expect(samples.get(`skydrain_flow_run_queue_wait_seconds_count{${flow}}`)).toBe(2)
  const seconds = (...states: string[]) =>
    events.filter(it => states.includes(it.state)).map(it => (it.durationMs ?? it.waitedMs ?? 0) / 1_000)
  const total = (of: readonly number[]) => of.reduce((sum, each) => sum + each, 0)
  const durations = 'skydrain_flow_run_duration_seconds'
  expect(samples.get(`${durations}_count{${flow},state="completed"}`)).toBe(2)
  expect(samples.get(`${durations}_sum{${flow},state="completed"}`)).toBeCloseTo(
    total(seconds('Completed')),
    6,
  )
  expect(samples.get(`skydrain_flow_run_queue_wait_seconds_sum{${flow}}`)).toBeCloseTo(
    total(seconds('Running')),
    6,
  )
  expect(samples.get(`skydrain_flow_last_success_timestamp_seconds{${flow}}`)).toBe(
    Date.parse(ends.at(-1)?.time ?? '') / 1_000,
  )
}

/** The numbers that come from the runs' events. */
function toldByRuns(samples: ReadonlyMap<string, number>): Record<string, number> {
  const names = /^skydrain_(flow_|parquet_|stream_messages_|stream_batch_size|stream_last_message)/
  return Object.fromEntries([...samples].filter(([series]) => names.test(series)))
}

test.concurrent('a server that starts shows no counter before it has taken all that was told', () =>
  atStation(SELDOM, async station => {
    const runs = 4_000
    const pipeline = station.queue.client.pipeline()
    for (let n = 0; n < runs; n += 1) {
      const time = new Date(Date.now() - n).toISOString()
      const run = { runId: `run-${n}`, flow: 'data-writer', worker: 'another:1', time, durationMs: 5 }
      const event: RunEvent = { ...run, state: 'Completed' }
      pipeline.xadd('{skydrain}:runs', '*', 'event', JSON.stringify(event))
    }
    await pipeline.exec()
    const [newest] = await station.queue.client.xrevrange('{skydrain}:runs', '+', '-', 'COUNT', 1)
    await station.queue.client.set('{skydrain}:told', newest?.[0] ?? '')
    const server = await serve(station, 'server')
    expect(runsIn(await scrapeOf(server), 'completed')).toBe(runs)
  }))

/** A number of each stream. */
function perStream(samples: ReadonlyMap<string, number>, { prefix }: Place, name: string) {
  const found = eventTypes.map(type => [
    type,
    samples.get(`skydrain_stream_${name}{stream_name="${prefix}${type}"}`),
  ])
  return Object.fromEntries(found)
}

function runsIn(samples: ReadonlyMap<string, number>, state: string): number | undefined {
  return samples.get(`skydrain_flow_runs_total{flow="data-writer",state="${state}"}`)
}
