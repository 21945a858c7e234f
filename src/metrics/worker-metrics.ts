import { Counter, Gauge, Registry } from 'prom-client'

import { addBuildInfo, processMetrics, textOf } from './process-metrics.ts'

export type WorkerMetrics = {
  readonly text: () => Promise<string>
  readonly contentType: string
  /** How many ranges this worker drains now. */
  readonly draining: (count: number) => void
  /** This worker began a run by its own clock. */
  readonly ownClock: () => void
}

/**
 * What only the worker itself knows. Everything about runs and streams the server counts, from the runs' events:
 * no name but skydrain_build_info is at both, so that a sum over all targets counts nothing twice.
 */
export function createWorkerMetrics({
  version,
  threads,
}: {
  readonly version: string
  readonly threads: number
}): WorkerMetrics {
  const registry = new Registry()
  const registers = [registry]
  addBuildInfo(registry, version)
  new Gauge({ name: 'skydrain_worker_threads', help: 'Threads that drain.', registers }).set(threads)
  const draining = new Gauge({
    name: 'skydrain_worker_draining',
    help: 'Ranges that are drained now.',
    registers,
  })
  const ownClockRuns = new Counter({
    name: 'skydrain_worker_own_clock_runs_total',
    help: 'Runs that this worker began by its own clock, because the queue could not be reached.',
    registers,
  })
  const registries = [registry, processMetrics()]
  return {
    text: () => textOf(registries),
    contentType: registry.contentType,
    draining: count => draining.set(count),
    ownClock: () => ownClockRuns.inc(),
  }
}
