import { OperatingError, toError } from '../engine/errors.ts'
import { type Flow, type FlowContext, flow } from '../engine/flow.ts'
import { task } from '../engine/task.ts'
import type { EventType } from '../records/event-type.ts'
import { addCounts, type DrainCounts, noCounts } from './drain-report.ts'
import type { DrainRequest } from './drain-setting.ts'
import type { IdRange } from './streams-port.ts'

export type DataWriterParams = {
  readonly types: readonly EventType[]
  readonly range: IdRange
}

/** Runs `drain` off the main thread: encoding Parquet would hold up everything else here. */
export type RunDrain = (
  request: DrainRequest,
  told: { readonly counts: (counts: DrainCounts) => void; readonly warn: (message: string) => void },
  signal: AbortSignal,
) => Promise<void>

export type DataWriterTools = {
  readonly drain: RunDrain
  /** How many entries each stream holds now: what a type has before it that waits for a thread. */
  readonly lengths: () => Promise<Readonly<Record<EventType, number>>>
  readonly timeoutMs: number
  /** Told of every new sum, for progress. */
  readonly onProgress: (type: EventType, counts: DrainCounts) => void
}

export type DataWriterResult = {
  readonly types: Readonly<Partial<Record<EventType, DrainCounts>>>
  /** Entries of the range that are still on the streams: time was over, the run was stopped, or a type failed. */
  readonly remaining: number
  /** The types that failed, while the others were drained. */
  readonly failed: ReadonlyMap<EventType, Error>
}

/** A restart of Redis takes seconds; what takes longer is for the next run. */
const RETRY_DELAYS_MS = [200, 1_000, 3_000, 5_000, 5_000, 5_000]

/**
 * DataWriter moves the entries waiting in the streams into Parquet files, then deletes them from the streams.
 * Each entry reaches the files exactly once; ARCHITECTURE.md, "Exactly once", says why. The types are drained
 * side by side, and one that fails does not stop the others: the run then fails with all their reports.
 */
export function dataWriter(tools: DataWriterTools): Flow<DataWriterParams, DataWriterResult> {
  return flow('data-writer', { timeoutMs: tools.timeoutMs }, async ({ types, range }, context) => {
    const lengths = await tools.lengths()
    const sums = new Map<EventType, DrainCounts>()
    for (const type of types) {
      sums.set(type, { ...noCounts, length: lengths[type], remaining: lengths[type] })
    }
    const failed = new Map<EventType, Error>()
    await Promise.all(
      types.map(async type => {
        try {
          await drainType(tools, { type, range }, context, counts => {
            sums.set(type, counts)
            tools.onProgress(type, counts)
          })
        } catch (error) {
          failed.set(type, toError(error))
        }
      }),
    )
    const remaining = [...sums.values()].reduce((sum, counts) => sum + counts.remaining, 0)
    const result = { types: Object.fromEntries(sums), remaining, failed }
    context.keep(result)
    context.signal.throwIfAborted()
    if (failed.size > 0) throw new Error(failuresText(failed))
    return result
  })
}

/** Drains one type, again after errors that may pass. What each attempt did counts. */
async function drainType(
  { drain }: DataWriterTools,
  { type, range }: { readonly type: EventType; readonly range: IdRange },
  { runId, signal, readUntil, log }: FlowContext<DataWriterResult>,
  told: (counts: DrainCounts) => void,
): Promise<void> {
  let sum = noCounts
  let readAtLastError = 0
  const policy = {
    hasMoved: () => {
      const moved = sum.read > readAtLastError
      readAtLastError = sum.read
      return moved
    },
    retryDelaysMs: RETRY_DELAYS_MS,
    retryIf: (error: Error) => error instanceof OperatingError && error.retry,
    onRetry: (error: Error, delayMs: number) =>
      log.warning(`${type}: ${error.message} Trying again in ${delayMs / 1000} s.`),
  }
  await task(policy, signal, async () => {
    const before = sum
    const counts = (made: DrainCounts) => {
      sum = addCounts(before, made)
      told(sum)
    }
    await drain({ type, range, run: runId, readUntil }, { counts, warn: log.warning }, signal)
  })
}

/** A line for each reason, after the types that it stopped. */
function failuresText(failed: ReadonlyMap<EventType, Error>): string {
  const reasons = new Map<string, EventType[]>()
  for (const [type, { message }] of failed) reasons.set(message, [...(reasons.get(message) ?? []), type])
  return [...reasons].map(([message, types]) => `${types.join(', ')}: ${message}`).join('\n')
}
