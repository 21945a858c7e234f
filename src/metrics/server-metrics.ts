import { Counter, Registry } from 'prom-client'

import type { RunEvent } from '../engine/run-event.ts'
import type { EventType } from '../records/event-type.ts'
import { createCollect } from './collect.ts'
import { createDrainMetrics } from './drain-metrics.ts'
import { addBuildInfo, processMetrics, textOf } from './process-metrics.ts'
import { createQueueGauges, type QueueReading } from './queue-gauges.ts'
import { createRunMetrics } from './run-metrics.ts'
import { createStreamGauges, type StreamReading } from './stream-gauges.ts'

export type ServerMetricsSetting = {
  readonly version: string
  /** The flows there are: of these every series is there from the start, and a run of no other adds one. */
  readonly flows: readonly string[]
  /** The full name of each type's stream. */
  readonly streams: Readonly<Record<EventType, string>>
  /** Both are read at a scrape, at most every 5 s, and have 2 s. They may throw: their values are then left out. */
  readonly readStreams: () => Promise<readonly StreamReading[]>
  readonly readQueue: () => Promise<QueueReading>
  /** Milliseconds of a clock that only goes forward: it tells how old a reading is. */
  readonly now?: () => number
}

export type ServerMetrics = {
  /**
   * Counts what a run tells. Throws nothing, whatever the event holds. The caller sees to it that no event is taken
   * twice: it would count twice.
   */
  readonly take: (event: RunEvent) => void
  /** A message to Slack came there, or was given up. */
  readonly notified: (result: 'ok' | 'error') => void
  readonly text: () => Promise<string>
  readonly contentType: string
}

/**
 * The metrics of the whole: streams, queue and runs, wherever they ran. Counters begin at 0 here; that they are not
 * shown before the events of earlier runs were taken again is the caller's to see to. Timestamps are 0 until the
 * first event that tells one.
 */
export function createServerMetrics({
  version,
  flows,
  streams,
  readStreams,
  readQueue,
  now = () => performance.now(),
}: ServerMetricsSetting): ServerMetrics {
  const registry = new Registry()
  addBuildInfo(registry, version)
  const runs = createRunMetrics(registry, flows)
  const drains = createDrainMetrics(registry, streams)
  const showStreams = createStreamGauges(registry)
  const showQueue = createQueueGauges(registry)
  const collect = createCollect(registry, now)
  const collectStreams = collect('streams', readStreams)
  const collectQueue = collect('queue', readQueue)
  const notifications = new Counter({
    name: 'skydrain_notifications_total',
    help: 'Messages that came to their channel (ok), or were given up (error).',
    labelNames: ['channel', 'result'] as const,
    registers: [registry],
  })
  for (const result of ['ok', 'error']) notifications.inc({ channel: 'slack', result }, 0)
  const registries = [registry, processMetrics()]

  return {
    take: event => {
      runs(event)
      if (event.state !== 'Running') drains(event)
    },
    notified: result => notifications.inc({ channel: 'slack', result }),
    text: async () => {
      const [found, queue] = await Promise.all([collectStreams(), collectQueue()])
      showStreams(found)
      showQueue(queue)
      return await textOf(registries)
    },
    contentType: registry.contentType,
  }
}
