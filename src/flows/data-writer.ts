import { z } from 'zod'

import { OperatingError } from '../engine/errors.ts'
import type { Flow, FlowEnd, PartEnd, PlanContext, WorkContext } from '../engine/flow.ts'
import type { ErrorNote } from '../engine/run-event.ts'
import { task } from '../engine/task.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { FIRST_ID, LAST_ID } from '../records/stream-entry.ts'
import { addCounts, type DrainCounts, drainCounts, joinCounts, noCounts } from './drain-report.ts'
import type { DrainRequest } from './drain-setting.ts'
import { idRange, planRanges, type RangePart, rangePart, type StreamSpan } from './plan-ranges.ts'
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
  /** The streams as they are now. Throws where Redis is not there. */
  readonly spans: () => Promise<Readonly<Record<EventType, StreamSpan>>>
  readonly timeoutMs: number
}

export type DataWriterResult = {
  readonly types: Readonly<Partial<Record<EventType, DrainCounts>>>
  /** Entries of the range that are still on the streams: time was over, the run was stopped, or a type failed. */
  readonly remaining: number
  /** The types that failed, while the others were drained. */
  readonly failed: Readonly<Partial<Record<EventType, ErrorNote>>>
}

export type DataWriter = Flow<DataWriterParams, RangePart, DrainCounts, DataWriterResult>

export const DATA_WRITER = 'data-writer'

/** All types and everything that is on their streams, where nothing else is said. */
export const dataWriterParams: z.ZodType<DataWriterParams> = z.strictObject({
  types: z
    .array(z.enum(eventTypes))
    .min(1)
    .default([...eventTypes]),
  range: idRange.default({ from: FIRST_ID, to: LAST_ID }),
})

/** A restart of Redis takes seconds; what takes longer is for the next run. */
const RETRY_DELAYS_MS = [200, 1_000, 3_000, 5_000, 5_000, 5_000]

/**
 * DataWriter moves the entries waiting in the streams into Parquet files, then deletes them from the streams.
 * Each entry reaches the files exactly once; ARCHITECTURE.md, "Exactly once", says why. The ranges of all types
 * are drained side by side, and one that fails does not stop the others: the run then fails with all their
 * reports.
 */
export function dataWriter(tools: DataWriterTools): DataWriter {
  return {
    name: DATA_WRITER,
    timeoutMs: tools.timeoutMs,
    params: dataWriterParams,
    part: rangePart,
    done: drainCounts,
    plan: ({ types, range }, context) => plan(tools, types, range, context),
    work: (part, context) => drainRange(tools, part, context),
    end: endOf,
  }
}

async function plan(
  { spans }: DataWriterTools,
  types: readonly EventType[],
  range: IdRange,
  { signal, log }: PlanContext,
): Promise<readonly RangePart[]> {
  const policy = {
    ...retries,
    hasMoved: () => false,
    onRetry: (error: Error, delayMs: number) => log.warning(againText(error, delayMs)),
  }
  const found = await task(policy, signal, spans)
  return types.flatMap(type => planRanges(type, range, found[type]))
}

/** Drains a range, again after errors that may pass. What each attempt did counts. */
async function drainRange(
  { drain }: DataWriterTools,
  { type, range, share }: RangePart,
  { runId, signal, readUntil, log, before, isTakenOver, keep }: WorkContext<DrainCounts>,
): Promise<void> {
  let sum = before ?? noCounts
  let readAtLastError = sum.read
  const policy = {
    ...retries,
    hasMoved: () => {
      const moved = sum.read > readAtLastError
      readAtLastError = sum.read
      return moved
    },
    onRetry: (error: Error, delayMs: number) => log.warning(`${type}: ${againText(error, delayMs)}`),
  }
  await task(policy, signal, async () => {
    const until = sum
    const counts = (made: DrainCounts) => {
      sum = addCounts(until, isTakenOver ? { ...made, claimed: made.read } : made)
      keep(sum)
    }
    await drain({ type, range, share, run: runId, readUntil }, { counts, warn: log.warning }, signal)
  })
}

const retries = {
  retryDelaysMs: RETRY_DELAYS_MS,
  retryIf: (error: Error) => error instanceof OperatingError && error.retry,
}

function againText(error: Error, delayMs: number): string {
  return `${error.message} Trying again in ${delayMs / 1000} s.`
}

/** What a range has done; one that has not begun has its share of the stream before it. */
export function countsOfPart({ length, share }: RangePart, done: DrainCounts | undefined): DrainCounts {
  const entries = Math.ceil(length * share)
  return done ?? { ...noCounts, length: entries, remaining: entries }
}

function endOf(parts: readonly PartEnd<RangePart, DrainCounts>[]): FlowEnd<DataWriterResult> {
  const types: Partial<Record<EventType, DrainCounts>> = {}
  const failed: Partial<Record<EventType, ErrorNote>> = {}
  for (const { part, state, done, error } of parts) {
    const { type } = part
    const counts = countsOfPart(part, done)
    types[type] = types[type] === undefined ? counts : joinCounts(types[type], counts)
    if ((state === 'Failed' || state === 'Crashed') && error !== undefined) failed[type] ??= error
  }
  const all = Object.values(types)
  const remaining = all.reduce((sum, counts) => sum + counts.remaining, 0)
  const hasMoved = all.some(counts => counts.read > 0)
  const result = { types, remaining, failed }
  const first = (state: string) => parts.find(it => it.state === state)?.error

  const cancelled = first('Cancelled')
  if (cancelled !== undefined) return { state: 'Cancelled', result, error: cancelled }
  if (Object.keys(failed).length > 0) return { state: 'Failed', result, error: failureOf(failed) }
  const timedOut = first('TimedOut')
  if (timedOut !== undefined && !hasMoved) return { state: 'TimedOut', result, error: timedOut }
  return { state: 'Completed', result, again: remaining > 0 && hasMoved }
}

/** A line for each reason, after the types that it stopped. A fault of ours wins over what an operator can mend. */
function failureOf(failed: Readonly<Partial<Record<EventType, ErrorNote>>>): ErrorNote {
  const reasons = new Map<string, string[]>()
  for (const [type, { message }] of Object.entries(failed)) {
    reasons.set(message, [...(reasons.get(message) ?? []), type])
  }
  const message = [...reasons].map(([reason, types]) => `${types.join(', ')}: ${reason}`).join('\n')
  const notes = Object.values(failed)
  return { ...(notes.find(it => it.code === undefined) ?? notes[0]), message }
}
