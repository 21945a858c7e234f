import { Counter, Gauge, type Registry } from 'prom-client'

import type { RunEvent } from '../engine/run-event.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { rejectReasons } from '../records/row.ts'
import { type DrainedCounts, drainedIn } from './drain-result.ts'

/** Counts what ended runs drained, also those that failed: their result tells what was done before. */
export function createDrainMetrics(
  registry: Registry,
  streams: Readonly<Record<EventType, string>>,
): (ended: RunEvent) => void {
  const count = createCounters(registry, streams)
  const showNewest = createNewestGauges(registry, streams)
  return ({ time, result }) => {
    for (const [type, drained] of drainedIn(result)) {
      const labels = { stream_name: streams[type] }
      count(labels, drained)
      showNewest(labels, drained, Date.parse(time) || 0)
    }
  }
}

type StreamLabel = { readonly stream_name: string }

function createCounters(registry: Registry, streams: Readonly<Record<EventType, string>>) {
  const counter = (name: string, help: string) =>
    new Counter({
      name: `skydrain_${name}_total`,
      help,
      labelNames: ['stream_name'] as const,
      registers: [registry],
    })
  const counters = {
    read: counter('stream_messages_consumed', 'Entries that were read and are now in the dataset.'),
    claimed: counter('stream_messages_claimed', 'Entries taken over from a worker that died.'),
    deleted: counter('stream_messages_deleted', 'Entries taken off the stream.'),
    written: counter('parquet_rows_written', 'Rows in committed Parquet files.'),
    files: counter('parquet_files_written', 'Committed Parquet files.'),
    bytes: counter('parquet_bytes_written', 'Bytes of committed Parquet files.'),
  }
  const fields = Object.keys(counters) as (keyof typeof counters)[]
  const rejected = new Counter({
    name: 'skydrain_stream_messages_rejected_total',
    help: 'Entries of which no row can be made, by the reason.',
    labelNames: ['stream_name', 'reason'] as const,
    registers: [registry],
  })
  for (const type of eventTypes) {
    for (const field of fields) counters[field].inc({ stream_name: streams[type] }, 0)
    for (const reason of rejectReasons) rejected.inc({ stream_name: streams[type], reason }, 0)
  }

  return (labels: StreamLabel, drained: DrainedCounts) => {
    for (const field of fields) counters[field].inc(labels, drained[field])
    for (const [reason, entries] of drained.rejectedBy) rejected.inc({ ...labels, reason }, entries)
  }
}

function createNewestGauges(registry: Registry, streams: Readonly<Record<EventType, string>>) {
  const newestOf = (name: string, help: string) => {
    const gauge = new Gauge({
      name: `skydrain_stream_${name}`,
      help,
      labelNames: ['stream_name'] as const,
      registers: [registry],
    })
    for (const type of eventTypes) gauge.set({ stream_name: streams[type] }, 0)
    const toldAt = new Map<string, number>()
    return (labels: StreamLabel, value: number, at: number) => {
      // A run that found nothing says nothing. A worker that was cut off tells of its runs later.
      if (value === 0 || at < (toldAt.get(labels.stream_name) ?? 0)) return
      toldAt.set(labels.stream_name, at)
      gauge.set(labels, value)
    }
  }
  const showBatch = newestOf(
    'batch_size',
    'Entries of the newest read that found some; 0 before there was one.',
  )
  const showLastMessage = newestOf(
    'last_message_timestamp',
    'When Redis took the newest entry that a run brought into the dataset, in seconds since 1970; 0 before there was one.',
  )
  return (labels: StreamLabel, { batch, lastTime }: DrainedCounts, endedAt: number) => {
    showBatch(labels, batch, endedAt)
    showLastMessage(labels, lastTime / 1_000, endedAt)
  }
}
