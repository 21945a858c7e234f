import type { EndState, RunEvent } from '../../src/engine/run-event.ts'
import { createServerMetrics, type ServerMetricsSetting } from '../../src/metrics/server-metrics.ts'
import { perType } from '../../src/records/event-type.ts'
import { parseScrape, type Scrape } from './prometheus-text.ts'

export const streams = perType(type => `bluesky_${type}`)

export const queue = { workers: 2, waiting: 3, nextRunAt: 1_795_298_700_500 }

/** Metrics over two streams and a queue; `changes` replace what a test is about. */
export function metricsWith(changes: Partial<ServerMetricsSetting> = {}) {
  const metrics = createServerMetrics({
    version: '1.2.3',
    flows: ['data-writer', 'compaction'],
    streams,
    readStreams: async () => [
      { type: 'posts', stream: 'bluesky_posts', length: 100, pending: 30, oldestAgeSeconds: 12.5 },
      { type: 'likes', stream: 'bluesky_likes', length: 0, pending: 0, oldestAgeSeconds: undefined },
    ],
    readQueue: async () => queue,
    ...changes,
  })
  return {
    ...metrics,
    /** Takes the events, then scrapes. */
    scrape: async (...events: readonly RunEvent[]): Promise<Scrape> => {
      for (const event of events) metrics.take(event)
      return parseScrape(await metrics.text())
    },
  }
}

let runs = 0

export function began(changes: Partial<RunEvent> = {}): RunEvent {
  runs += 1
  return {
    runId: `run-${runs}`,
    flow: 'data-writer',
    state: 'Running',
    time: '2026-11-21T10:00:00.000Z',
    worker: 'host:1',
    waitedMs: 400,
    ...changes,
  }
}

export function ended(state: EndState, changes: Partial<RunEvent> = {}): RunEvent {
  const { waitedMs: _, ...event } = began()
  return { ...event, state, durationMs: 4_000, ...changes }
}

/** What a run did with posts, as its event tells it. */
export function drainedPosts(counts: object): { readonly result: unknown } {
  return { result: { types: { posts: counts }, remaining: 0, failed: {} } }
}
