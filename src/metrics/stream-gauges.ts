import { Gauge, type Registry } from 'prom-client'

import type { EventType } from '../records/event-type.ts'

/** A stream as it is now. */
export type StreamReading = {
  readonly type: EventType
  /** Its full name. */
  readonly stream: string
  readonly length: number
  /** Entries that are in the dataset and not yet deleted. */
  readonly pending: number
  /** Undefined for an empty stream. */
  readonly oldestAgeSeconds: number | undefined
}

/** Shows what was read; nothing is shown of streams that could not be, since old values would look like true ones. */
export function createStreamGauges(
  registry: Registry,
): (readings: readonly StreamReading[] | undefined) => void {
  const gauge = (name: string, help: string) =>
    new Gauge({
      name: `skydrain_stream_${name}`,
      help,
      labelNames: ['stream_name'] as const,
      registers: [registry],
    })
  const length = gauge('length', 'Entries on the stream.')
  const lag = gauge('lag', 'Entries on the stream that are not yet in the dataset.')
  const pending = gauge('pending_messages', 'Entries that are in the dataset and not yet deleted.')
  const oldest = gauge(
    'oldest_entry_age_seconds',
    'How long the oldest entry has waited; 0 for an empty stream.',
  )

  return readings => {
    for (const it of [length, lag, pending, oldest]) it.reset()
    for (const reading of readings ?? []) {
      const labels = { stream_name: reading.stream }
      length.set(labels, reading.length)
      // The two are counted one after the other, while entries are deleted.
      lag.set(labels, Math.max(0, reading.length - reading.pending))
      pending.set(labels, reading.pending)
      oldest.set(labels, reading.oldestAgeSeconds ?? 0)
    }
  }
}
