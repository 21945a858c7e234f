import type { Config } from '../config.ts'
import { queueAddress } from '../drain-parts.ts'
import { toError } from '../engine/errors.ts'
import type { RunEvent } from '../engine/run-event.ts'
import { DATA_WRITER } from '../flows/data-writer.ts'
import { readStatus, type Status } from '../status.ts'
import { openRunEvents } from '../streams/run-events.ts'
import { openRunQueue } from '../workers/run-queue.ts'

/** The streams, and what runs over them. */
export type WholeStatus = Status & {
  readonly workers: number
  /** What is wrong, a sentence each; none where it is healthy. */
  readonly problems: readonly string[]
  /** ISO 8601, UTC; null where no schedule is set or the queue is away. */
  readonly next_run_at: string | null
  /** The last runs, newest first. */
  readonly runs: readonly RunLine[]
}

export type RunLine = {
  readonly run_id: string
  readonly flow: string
  readonly state: RunEvent['state']
  readonly time: string
  readonly duration_seconds: number | null
  readonly error: string | null
}

const RUNS_SHOWN = 5

/**
 * The state of everything. A queue that is away is one of its problems; throws where the buffer's Redis does not
 * answer or the log cannot be read.
 */
export async function readWholeStatus(config: Config): Promise<WholeStatus> {
  const [streams, queue] = await Promise.all([readStatus(config, Date.now()), readQueue(config)])
  const problems = [...queue.problems]
  if (!streams.healthy) problems.push('an entry has waited for more than three intervals of the schedule')
  if (queue.nextAt !== undefined && queue.workers === 0) {
    problems.push('a schedule is set, and no worker is there: start bin/skydrain worker')
  }
  const last = queue.runs.find(it => it.state !== 'Running')
  if (last !== undefined && ['Failed', 'TimedOut', 'Crashed'].includes(last.state)) {
    problems.push(
      `the last run of ${last.flow} is ${last.state}: ${last.error?.message ?? 'no reason is known'}`,
    )
  }
  return {
    ...streams,
    healthy: problems.length === 0,
    workers: queue.workers,
    problems,
    next_run_at: queue.nextAt === undefined ? null : new Date(queue.nextAt).toISOString(),
    runs: queue.runs.slice(0, RUNS_SHOWN).map(runLine),
  }
}

type QueueStatus = {
  readonly workers: number
  readonly nextAt: number | undefined
  readonly runs: readonly RunEvent[]
  readonly problems: readonly string[]
}

async function readQueue(config: Config): Promise<QueueStatus> {
  const events = openRunEvents(queueAddress(config), { told: () => undefined })
  try {
    const newest = await events.latest(50)
    const queue = openRunQueue(queueAddress(config))
    try {
      const [{ workers }, nextAt] = await Promise.all([queue.counts(), queue.nextAt(DATA_WRITER)])
      return { workers, nextAt, runs: newestOfEach(newest.map(it => it.event)), problems: [] }
    } finally {
      await queue.close()
    }
  } catch (error) {
    return {
      workers: 0,
      nextAt: undefined,
      runs: [],
      problems: [`the queue cannot be asked: ${toError(error).message}`],
    }
  } finally {
    await events.close(0)
  }
}

/** The newest event of each run, newest run first. */
function newestOfEach(events: readonly RunEvent[]): readonly RunEvent[] {
  const seen = new Set<string>()
  return events.filter(({ runId }) => !seen.has(runId) && seen.add(runId))
}

function runLine({ runId, flow, state, time, durationMs, error }: RunEvent): RunLine {
  const duration = durationMs === undefined ? null : durationMs / 1000
  return { run_id: runId, flow, state, time, duration_seconds: duration, error: error?.message ?? null }
}
