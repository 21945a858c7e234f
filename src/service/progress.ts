import { type Cron, timeAfter } from '../engine/cron.ts'
import { toError } from '../engine/errors.ts'
import type { RunEvent } from '../engine/run-event.ts'
import { DATA_WRITER } from '../flows/data-writer.ts'
import type { Log } from '../log.ts'
import type { Check } from '../server/readiness.ts'
import type { OpenStatus } from '../status.ts'
import type { RunQueue } from '../workers/run-queue.ts'

export type ProgressTools = {
  readonly schedule: Cron
  readonly runTimeoutMs: number
  readonly queue: Pick<RunQueue, 'counts' | 'nextAt' | 'addOfDeployment'>
  readonly status: Pick<OpenStatus, 'read'>
  /** Milliseconds since 1970: before it nothing can be missing. */
  readonly startedAt: number
}

export type Progress = {
  readonly take: (event: RunEvent) => void
  /** What must be so for the service to be ready: it gets on, and does not only live. */
  readonly checks: readonly Check[]
  /** Asks for a run, and tells it, where the schedule has brought none for two intervals. */
  readonly watch: (log: Log, missing: (flow: string, sinceMs: number) => void) => Promise<void>
}

/** A tick that is a few seconds late is a busy worker, and not yet a schedule that stands still. */
const LATE_MS = 30_000

/** Watches that runs begin and end, by the events that they tell. */
export function createProgress({
  schedule,
  runTimeoutMs,
  queue,
  status,
  startedAt,
}: ProgressTools): Progress {
  let beganAt = startedAt
  let completedAt = startedAt
  let askedAt = startedAt
  let isLooking = false
  /** The runs that have begun and not ended, with their beginnings. */
  const running = new Map<string, number>()

  /** A run may take longer than the schedule's interval; not longer than its time limit, unless it is lost. */
  const isRunning = () => [...running.values()].some(at => Date.now() < at + runTimeoutMs + LATE_MS)

  /** Whether so many times of the schedule have passed since then without what they should have brought. */
  const isLate = (since: number, times: number) => Date.now() > timeAfter(schedule, since, times) + LATE_MS

  function take({ runId, flow, state, time, isUnqueued }: RunEvent): void {
    if (flow !== DATA_WRITER) return
    // A worker's clock may be ahead. A run that the queue did not bring says nothing of the queue.
    const at = Math.min(Date.now(), Date.parse(time))
    if (state === 'Running' && !isUnqueued) {
      beganAt = Math.max(beganAt, at)
      running.set(runId, at)
    }
    if (state !== 'Running') running.delete(runId)
    if (state === 'Completed') completedAt = Math.max(completedAt, at)
  }

  async function watch(log: Log, missing: (flow: string, sinceMs: number) => void): Promise<void> {
    if (isLooking || isRunning() || !isLate(Math.max(beganAt, askedAt), 2)) return
    isLooking = true
    missing(DATA_WRITER, Date.now() - beganAt)
    try {
      const runId = await queue.addOfDeployment(DATA_WRITER, {})
      askedAt = Date.now()
      const what = runId === undefined ? 'One waits in the queue for a worker.' : 'The server asked for one.'
      log.warning(
        `No run of ${DATA_WRITER} began for ${Math.round((Date.now() - beganAt) / 1000)} s. ${what}`,
      )
    } catch (error) {
      askedAt = Date.now()
      log.warning(`No run of ${DATA_WRITER} began, and none can be asked for: ${toError(error).message}`)
    } finally {
      isLooking = false
    }
  }

  const checks: readonly Check[] = [
    {
      name: 'workers',
      run: async () => {
        const { workers, waiting } = await queue.counts()
        return { ok: workers > 0, detail: `${workers} workers, ${waiting} jobs wait` }
      },
    },
    {
      name: 'schedule',
      run: async () => {
        const at = await queue.nextAt(DATA_WRITER)
        const detail =
          at === undefined ? 'it is not set' : `the next run is due at ${new Date(at).toISOString()}`
        return { ok: at !== undefined && at > Date.now() - LATE_MS, detail }
      },
    },
    {
      name: 'runs',
      run: async () => {
        const sinceMs = Date.now() - completedAt
        const detail = `the last good run ended ${Math.round(sinceMs / 1000)} s ago, or the server began then`
        return { ok: !isLate(completedAt, 3), detail }
      },
    },
    {
      name: 'streams',
      run: async () => {
        const { streams } = await status.read(Date.now())
        const ages = streams.map(it => it.oldestAgeSeconds ?? 0)
        const oldest = Math.max(0, ...ages)
        const detail = `the oldest entry has waited for ${Math.round(oldest)} s`
        return { ok: !isLate(Date.now() - oldest * 1000, 3), detail }
      },
    },
  ]
  return { take, checks, watch }
}
