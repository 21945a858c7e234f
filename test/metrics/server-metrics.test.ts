import { expect, test } from 'vitest'

import { eventTypes } from '../../src/records/event-type.ts'
import { rejectReasons } from '../../src/records/row.ts'
import { metricsWith, queue, streams } from './sample-events.ts'

const counters = [
  'skydrain_stream_messages_claimed_total',
  'skydrain_stream_messages_consumed_total',
  'skydrain_stream_messages_deleted_total',
  'skydrain_stream_messages_rejected_total',
  'skydrain_parquet_rows_written_total',
  'skydrain_parquet_files_written_total',
  'skydrain_parquet_bytes_written_total',
  'skydrain_flow_runs_total',
  'skydrain_notifications_total',
  'skydrain_metrics_collect_errors_total',
]

const gauges = [
  'skydrain_stream_lag',
  'skydrain_stream_pending_messages',
  'skydrain_stream_batch_size',
  'skydrain_stream_last_message_timestamp',
  'skydrain_stream_length',
  'skydrain_stream_oldest_entry_age_seconds',
  'skydrain_flow_runs',
  'skydrain_flow_last_success_timestamp_seconds',
  'skydrain_flow_last_completion_timestamp_seconds',
  'skydrain_flow_last_run_duration_seconds',
  'skydrain_flow_last_run_status',
  'skydrain_workers',
  'skydrain_work_queue_depth',
  'skydrain_schedule_next_timestamp_seconds',
  'skydrain_metrics_collect_duration_seconds',
  'skydrain_build_info',
]

const histograms = ['skydrain_flow_run_duration_seconds', 'skydrain_flow_run_queue_wait_seconds']

test('every metric is there by its name, with its type and a sentence, and no other', async () => {
  const { families } = await metricsWith().scrape()
  const ours = [...families].filter(([name]) => name.startsWith('skydrain_'))
  expect(Object.fromEntries(ours.map(([name, { type }]) => [name, type]))).toEqual({
    ...Object.fromEntries(counters.map(name => [name, 'counter'])),
    ...Object.fromEntries(gauges.map(name => [name, 'gauge'])),
    ...Object.fromEntries(histograms.map(name => [name, 'histogram'])),
  })
  for (const [name, { help }] of ours) expect(help, name).toMatch(/^[A-Z].{10,}\.$/)
})

test("the numbers of the process stand beside ours, by the names of Node's dashboards", async () => {
  const { families, samples } = await metricsWith().scrape()
  expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(1_000_000)
  expect(families.get('nodejs_eventloop_lag_p99_seconds')?.type).toBe('gauge')
  expect(samples.get(`skydrain_build_info{version="1.2.3",node_version="${process.version}"}`)).toBe(1)
})

test('what can be counted is 0 from the start, for every stream, flow, state and reason', async () => {
  const { samples } = await metricsWith().scrape()
  const zeros: string[] = ['ok', 'error'].map(
    it => `skydrain_notifications_total{channel="slack",result="${it}"}`,
  )
  for (const type of eventTypes) {
    const label = `stream_name="${streams[type]}"`
    const perStream = [...counters.slice(0, 3), ...counters.slice(4, 7), ...gauges.slice(2, 4)]
    zeros.push(...perStream.map(name => `${name}{${label}}`))
    zeros.push(...rejectReasons.map(it => `${counters[3]}{${label},reason="${it}"}`))
  }
  for (const flow of ['data-writer', 'compaction']) {
    const label = `flow="${flow}"`
    zeros.push(`skydrain_flow_runs{${label},state="running"}`)
    zeros.push(...gauges.slice(7, 9).map(name => `${name}{${label}}`))
    zeros.push(`skydrain_flow_run_queue_wait_seconds_count{${label}}`)
    for (const state of ['completed', 'failed', 'timed_out', 'cancelled', 'crashed']) {
      zeros.push(`skydrain_flow_runs_total{${label},state="${state}"}`)
      zeros.push(`skydrain_flow_run_duration_seconds_bucket{le="300",${label},state="${state}"}`)
      zeros.push(`skydrain_flow_run_duration_seconds_count{${label},state="${state}"}`)
    }
  }
  for (const collector of ['streams', 'queue']) zeros.push(`${counters[9]}{collector="${collector}"}`)
  expect(zeros.filter(it => samples.get(it) !== 0)).toEqual([])
})

test('before a run has ended, none is told as failed or as short', async () => {
  const { samples } = await metricsWith().scrape()
  expect([...samples.keys()].filter(it => /last_run_(status|duration)/.test(it))).toEqual([])
})

test('streams and queue are shown as they are read', async () => {
  const { samples } = await metricsWith().scrape()
  const shown = (stream: string) =>
    ['length', 'lag', 'pending_messages', 'oldest_entry_age_seconds'].map(it =>
      samples.get(`skydrain_stream_${it}{stream_name="${stream}"}`),
    )
  expect(shown('bluesky_posts')).toEqual([100, 70, 30, 12.5])
  expect(shown('bluesky_likes')).toEqual([0, 0, 0, 0])
  expect(shown('bluesky_follows')).toEqual([undefined, undefined, undefined, undefined])
  expect(samples.get('skydrain_workers')).toBe(2)
  expect(samples.get('skydrain_work_queue_depth')).toBe(3)
  expect(samples.get('skydrain_schedule_next_timestamp_seconds')).toBe(1_795_298_700.5)
})

test('a lag is never negative, though length and pending are counted one after the other', async () => {
  const reading = { type: 'posts', stream: 's', length: 3, pending: 5, oldestAgeSeconds: 1 } as const
  const { samples } = await metricsWith({ readStreams: async () => [reading] }).scrape()
  expect(samples.get('skydrain_stream_lag{stream_name="s"}')).toBe(0)
})

test('where no run is scheduled, no time is told', async () => {
  const { samples } = await metricsWith({
    readQueue: async () => ({ ...queue, nextRunAt: undefined }),
  }).scrape()
  expect(samples.has('skydrain_schedule_next_timestamp_seconds')).toBe(false)
  expect(samples.get('skydrain_workers')).toBe(2)
})

test('messages to Slack are counted by how they went', async () => {
  const metrics = metricsWith()
  metrics.notified('ok')
  metrics.notified('ok')
  metrics.notified('error')
  const { samples } = await metrics.scrape()
  expect(samples.get('skydrain_notifications_total{channel="slack",result="ok"}')).toBe(2)
  expect(samples.get('skydrain_notifications_total{channel="slack",result="error"}')).toBe(1)
})

test('two servers in one process count apart', async () => {
  const [one, other] = [metricsWith(), metricsWith()]
  one.notified('ok')
  const { samples } = await other.scrape()
  expect(samples.get('skydrain_notifications_total{channel="slack",result="ok"}')).toBe(0)
})
