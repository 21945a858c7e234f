import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

import type { EndState, RunEvent } from '../engine/run-event.ts'

const stateLabels: Readonly<Record<EndState, string>> = {
  Completed: 'completed',
  Failed: 'failed',
  TimedOut: 'timed_out',
  Cancelled: 'cancelled',
  Crashed: 'crashed',
}

/** Around the schedule of 300 s, with a border exactly on it. */
const DURATION_BUCKETS = [0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120, 180, 240, 300, 450, 600, 900]
const WAIT_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

/** A flow that is not known here: labels must not grow with what workers of another version send. */
const OTHER = 'other'

/** Counts how runs begin and end. Throws nothing; what an event lacks, or tells in another form, is not counted. */
export function createRunMetrics(registry: Registry, flows: readonly string[]): (event: RunEvent) => void {
  const ended = createEndMetrics(registry, flows)
  const running = createRunning(registry, flows)
  const waits = new Histogram({
    name: 'skydrain_flow_run_queue_wait_seconds',
    help: 'How long after it was due a run began.',
    labelNames: ['flow'] as const,
    buckets: WAIT_BUCKETS,
    registers: [registry],
  })
  for (const flow of flows) waits.zero({ flow })

  return event => {
    const flow = flows.includes(event.flow) ? event.flow : OTHER
    if (event.state === 'Running') {
      running.began(event.runId, flow)
      const waited = secondsOf(event.waitedMs)
      if (waited !== undefined) waits.observe({ flow }, waited)
    } else if (Object.hasOwn(stateLabels, event.state)) {
      running.ended(event.runId)
      ended(flow, event.state, { at: secondsOf(Date.parse(event.time)), took: secondsOf(event.durationMs) })
    }
  }
}

/** When a run ended and how long it took, in seconds; undefined where the event does not tell. */
type End = { readonly at: number | undefined; readonly took: number | undefined }

function createEndMetrics(registry: Registry, flows: readonly string[]) {
  const labelNames = ['flow'] as const
  const registers = [registry]
  const byState = { labelNames: ['flow', 'state'] as const, registers }
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `skydrain_flow_${name}`, help, labelNames, registers })

  const runs = new Counter({ name: 'skydrain_flow_runs_total', help: 'Runs, by how they ended.', ...byState })
  const durations = new Histogram({
    name: 'skydrain_flow_run_duration_seconds',
    help: 'How long runs took, from beginning to end.',
    buckets: DURATION_BUCKETS,
    ...byState,
  })
  const success = gauge(
    'last_success_timestamp_seconds',
    'When a run last ended Completed, in seconds since 1970; 0 before one did since this process began.',
  )
  const completion = gauge(
    'last_completion_timestamp_seconds',
    'When a run last ended, in whatever state, in seconds since 1970; 0 before one did since this process began.',
  )
  const duration = gauge('last_run_duration_seconds', 'How long the newest ended run took.')
  const status = gauge('last_run_status', 'Whether the newest ended run is Completed: 1 or 0.')
  const newest = new Map<string, number>()

  for (const flow of flows) {
    success.set({ flow }, 0)
    completion.set({ flow }, 0)
    for (const state of Object.values(stateLabels)) {
      runs.inc({ flow, state }, 0)
      durations.zero({ flow, state })
    }
  }

  return (flow: string, state: EndState, { at = 0, took }: End) => {
    const labels = { flow, state: stateLabels[state] }
    runs.inc(labels)
    if (took !== undefined) durations.observe(labels, took)
    // A worker that was cut off tells of its runs later, when others have ended since.
    if (at < (newest.get(flow) ?? 0)) return
    newest.set(flow, at)
    completion.set({ flow }, at)
    status.set({ flow }, state === 'Completed' ? 1 : 0)
    if (state === 'Completed') success.set({ flow }, at)
    if (took !== undefined) duration.set({ flow }, took)
  }
}

/** So many runs at once are not meant; beyond it the oldest is taken for one whose end was never told. */
const RUNNING_MAX = 10_000

function createRunning(registry: Registry, flows: readonly string[]) {
  const flowOf = new Map<string, string>()
  const gauge = new Gauge({
    name: 'skydrain_flow_runs',
    help: 'Runs that began, and have not told their end.',
    labelNames: ['flow', 'state'] as const,
    registers: [registry],
  })
  for (const flow of flows) gauge.set({ flow, state: 'running' }, 0)

  function ended(runId: string): void {
    const flow = flowOf.get(runId)
    if (flow !== undefined) gauge.dec({ flow, state: 'running' })
    flowOf.delete(runId)
  }

  function began(runId: string, flow: string): void {
    if (flowOf.has(runId)) return
    const [oldest] = flowOf.keys()
    if (oldest !== undefined && flowOf.size >= RUNNING_MAX) ended(oldest)
    flowOf.set(runId, flow)
    gauge.inc({ flow, state: 'running' })
  }

  return { began, ended }
}

/** Undefined for what is no number. A clock that was put back makes negative times: they are 0. */
function secondsOf(milliseconds: number | undefined): number | undefined {
  return Number.isFinite(milliseconds) ? Math.max(0, Number(milliseconds)) / 1_000 : undefined
}
