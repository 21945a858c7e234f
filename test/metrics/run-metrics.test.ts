import { expect, test } from 'vitest'

import type { EndState, RunEvent } from '../../src/engine/run-event.ts'
import { began, ended, metricsWith } from './sample-events.ts'

const FLOW = 'flow="data-writer"'
const seconds = (time: string) => Date.parse(time) / 1_000

test('each end of a run is counted under its state, with its duration', async () => {
  const states: readonly [EndState, string][] = [
    ['Completed', 'completed'],
    ['Failed', 'failed'],
    ['TimedOut', 'timed_out'],
    ['Cancelled', 'cancelled'],
    ['Crashed', 'crashed'],
  ]
  const events = states.flatMap(([state], at) => Array.from({ length: at + 1 }, () => ended(state)))
  const { samples } = await metricsWith().scrape(...events)
  for (const [at, [, state]] of states.entries()) {
    const labels = `${FLOW},state="${state}"`
    expect(samples.get(`skydrain_flow_runs_total{${labels}}`)).toBe(at + 1)
    expect(samples.get(`skydrain_flow_run_duration_seconds_sum{${labels}}`)).toBe(4 * (at + 1))
    expect(samples.get(`skydrain_flow_run_duration_seconds_bucket{le="2.5",${labels}}`)).toBe(0)
    expect(samples.get(`skydrain_flow_run_duration_seconds_bucket{le="5",${labels}}`)).toBe(at + 1)
  }
})

test('the borders of the durations lie around the schedule, one exactly on it', async () => {
  const { samples } = await metricsWith().scrape()
  const borders = (name: string) =>
    [...samples.keys()].flatMap(it =>
      it.startsWith(`${name}_bucket{`) && it.includes(FLOW) && !/state="(?!failed)/.test(it)
        ? [/le="([^"]+)"/.exec(it)?.[1]]
        : [],
    )
  expect(borders('skydrain_flow_run_duration_seconds').join(' ')).toBe(
    '0.5 1 2.5 5 10 20 30 60 90 120 180 240 300 450 600 900 +Inf',
  )
  expect(borders('skydrain_flow_run_queue_wait_seconds').join(' ')).toBe(
    '0.1 0.5 1 2.5 5 10 30 60 120 300 600 +Inf',
  )
})

test('a run is running from its beginning to its end, once, and how long it waited is kept', async () => {
  const metrics = metricsWith()
  const [one, other] = [began({ waitedMs: 400 }), began({ waitedMs: 2_000 })]
  const running = async (...events: RunEvent[]) =>
    (await metrics.scrape(...events)).samples.get(`skydrain_flow_runs{${FLOW},state="running"}`)
  expect(await running(one, other, { ...one, waitedMs: 0 })).toBe(2)
  expect(await running(ended('Failed', { runId: one.runId }))).toBe(1)
  expect(await running(ended('Completed'))).toBe(1)
  expect(await running(ended('Crashed', { runId: other.runId }))).toBe(0)
  expect(await running(began({ runId: other.runId }))).toBe(1)
  const { samples } = await metrics.scrape()
  expect(samples.get(`skydrain_flow_run_queue_wait_seconds_sum{${FLOW}}`)).toBeCloseTo(2.8)
  expect(samples.get(`skydrain_flow_run_queue_wait_seconds_count{${FLOW}}`)).toBe(4)
})

test('the newest end is told, and the newest success stays', async () => {
  const metrics = metricsWith()
  const [first, second] = ['2026-11-21T10:05:00.250Z', '2026-11-21T10:10:00.000Z'] as const
  const { samples } = await metrics.scrape(
    ended('Completed', { time: first, durationMs: 1_500 }),
    ended('Failed', { time: second, durationMs: 240_000 }),
  )
  expect(samples.get(`skydrain_flow_last_success_timestamp_seconds{${FLOW}}`)).toBe(seconds(first))
  expect(samples.get(`skydrain_flow_last_completion_timestamp_seconds{${FLOW}}`)).toBe(seconds(second))
  expect(samples.get(`skydrain_flow_last_run_duration_seconds{${FLOW}}`)).toBe(240)
  expect(samples.get(`skydrain_flow_last_run_status{${FLOW}}`)).toBe(0)
  const third = '2026-11-21T10:15:00.000Z'
  const later = await metrics.scrape(ended('Completed', { time: third }))
  expect(later.samples.get(`skydrain_flow_last_success_timestamp_seconds{${FLOW}}`)).toBe(seconds(third))
  expect(later.samples.get(`skydrain_flow_last_run_status{${FLOW}}`)).toBe(1)
})

test('an end that is told late counts, and takes the place of no newer one', async () => {
  const [early, late] = ['2026-11-21T10:00:00.000Z', '2026-11-21T11:00:00.000Z'] as const
  const { samples } = await metricsWith().scrape(
    ended('Completed', { time: late, durationMs: 1_000 }),
    ended('Failed', { time: early, durationMs: 9_000 }),
  )
  expect(samples.get(`skydrain_flow_runs_total{${FLOW},state="failed"}`)).toBe(1)
  expect(samples.get(`skydrain_flow_last_completion_timestamp_seconds{${FLOW}}`)).toBe(seconds(late))
  expect(samples.get(`skydrain_flow_last_run_duration_seconds{${FLOW}}`)).toBe(1)
  expect(samples.get(`skydrain_flow_last_run_status{${FLOW}}`)).toBe(1)
})

test('flows that are not known are counted together, however many there are', async () => {
  const events = Array.from({ length: 50 }, (_, at) => ended('Completed', { flow: `flow-${at}` }))
  const { samples } = await metricsWith().scrape(...events, began({ flow: 'flow-51' }))
  expect(samples.get('skydrain_flow_runs_total{flow="other",state="completed"}')).toBe(50)
  expect(samples.get('skydrain_flow_runs{flow="other",state="running"}')).toBe(1)
  expect([...samples.keys()].filter(it => it.includes('flow-'))).toEqual([])
})

test('runs whose end is never told are forgotten beyond ten thousand', async () => {
  const events = Array.from({ length: 10_050 }, () => began())
  const { samples } = await metricsWith().scrape(...events)
  expect(samples.get(`skydrain_flow_runs{${FLOW},state="running"}`)).toBe(10_000)
})

test('an event that lacks or garbles something throws nothing, and what it tells counts', async () => {
  const garbled = [
    { time: 'yesterday', durationMs: Number.NaN },
    { durationMs: -5_000 },
    { durationMs: '4' },
    { time: undefined, durationMs: undefined },
  ].map(changes => ({ ...ended('Completed'), ...changes }) as RunEvent)
  const strange = [
    { ...began(), waitedMs: Number.POSITIVE_INFINITY },
    { ...began(), waitedMs: -3 },
    { ...began(), state: 'Paused' },
    { ...began(), state: 'constructor' },
    { ...began(), flow: '__proto__', runId: undefined },
  ].map(it => it as RunEvent)
  const { samples } = await metricsWith().scrape(...garbled, ...strange)
  expect(samples.get(`skydrain_flow_runs_total{${FLOW},state="completed"}`)).toBe(4)
  expect(samples.get(`skydrain_flow_run_duration_seconds_count{${FLOW},state="completed"}`)).toBe(1)
  expect(samples.get(`skydrain_flow_run_duration_seconds_sum{${FLOW},state="completed"}`)).toBe(0)
  expect(samples.get(`skydrain_flow_last_completion_timestamp_seconds{${FLOW}}`)).toBe(
    seconds('2026-11-21T10:00:00.000Z'),
  )
  expect(samples.get(`skydrain_flow_run_queue_wait_seconds_count{${FLOW}}`)).toBe(1)
  expect([...samples.keys()].filter(it => /paused|constructor|proto|undefined/i.test(it))).toEqual([])
})
