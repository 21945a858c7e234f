import { errorCodes } from '../engine/errors.ts'
import type { EndState, ErrorNote } from '../engine/run-event.ts'
import type { DataWriterResult } from '../flows/data-writer.ts'
import { countsOfPart } from '../flows/data-writer.ts'
import type { DrainCounts } from '../flows/drain-report.ts'
import type { RangePart } from '../flows/plan-ranges.ts'
import type { CliContext } from './context.ts'
import { bar } from './progress.ts'
import { grouped, table } from './table.ts'

/** A run of data-writer that has ended, here or on a worker. */
export type EndedRun = {
  readonly runId: string
  readonly state: EndState
  readonly durationMs: number
  readonly result?: DataWriterResult
  readonly error?: ErrorNote
}

/** Prints how a run ended, and sets the exit code that fits. */
export function reportRun(done: EndedRun, { json }: { json?: boolean }, context: CliContext): void {
  context.print(json ? `${JSON.stringify(documentOf(done))}\n` : runText(done, context))
  if (done.state === 'Cancelled') {
    context.exitWith(130)
  } else if (done.state !== 'Completed') {
    const causes = done.state === 'Failed' ? Object.values(done.result?.failed ?? {}) : []
    context.tell(errorText(done.error ?? { message: `The run is ${done.state}.` }, causes))
    context.exitWith(Math.max(1, ...causes.map(exitCodeOf)))
  }
}

export function documentOf({ runId, state, durationMs, result, error }: EndedRun) {
  const types = Object.entries(result?.types ?? {})
  return {
    run_id: runId,
    state,
    duration_seconds: durationMs / 1000,
    types: Object.fromEntries(types.map(([type, counts]) => [type, countsOf(counts)])),
    remaining: result?.remaining ?? 0,
    ...(error && { error: error.message }),
  }
}

/** The run as a table and a line, for a person. */
export function runText({ runId, state, durationMs, result }: EndedRun, context: CliContext): string {
  const types = Object.entries(result?.types ?? {})
  const headings = ['type', 'read', 'written', 'rejected', 'duplicates', 'deleted', 'files']
  const rows = types.map(([type, counts]) => [type, ...Object.values(countsOf(counts))])
  const remarks = types.map(([type, counts]) => remarksOn(type, counts)).join('')
  const remaining = result?.remaining ? `, ${grouped(result.remaining)} remaining` : ''
  const shown = context.colour(state === 'Completed' ? 'green' : 'red', state)
  const line = `${shown} in ${(durationMs / 1000).toFixed(2)} s${remaining}: run ${runId}\n`
  return `${rows.length > 0 ? table(headings, rows) : ''}${remarks}${line}`
}

/** `[####····]  38 %  25,000 of 66,000 entries, 41,000 a second` of a run that is on its way. */
export function progressLine(
  parts: readonly { readonly part: RangePart; readonly done: DrainCounts | undefined }[],
  elapsedMs: number,
): string {
  const sums = parts.map(({ part, done }) => countsOfPart(part, done))
  const read = sums.reduce((sum, counts) => sum + counts.read, 0)
  const length = sums.reduce((sum, counts) => sum + counts.length, 0)
  const rate = Math.round(read / Math.max(0.001, elapsedMs / 1000))
  return `${bar(read, length)}  ${grouped(read)} of ${grouped(length)} entries, ${grouped(rate)} a second`
}

function countsOf({ read, written, rejected, duplicates, deleted, files }: DrainCounts) {
  return { read, written, rejected, duplicates, deleted, files }
}

/** What the table has no column for, since it is 0 nearly always. */
function remarksOn(type: string, { rejectedBy, collisions }: DrainCounts): string {
  const reasons = Object.entries(rejectedBy).map(([reason, count]) => `${grouped(count)} ${reason}`)
  const rejected = reasons.length === 0 ? '' : `${type} rejected: ${reasons.join(', ')}\n`
  return collisions === 0
    ? rejected
    : `${rejected}${type} under an id that another event has: ${collisions}\n`
}

/** An error that nobody foresaw is a fault of ours: then its stack is worth showing. */
function errorText(error: ErrorNote, causes: readonly ErrorNote[]): string {
  const bug = causes.find(cause => cause.code === undefined)
  return bug?.stack === undefined ? `skydrain: ${error.message}` : `skydrain: ${error.message}\n${bug.stack}`
}

/** Of several causes the gravest is told: 70, a fault of ours, before 69, Redis, before 1. */
function exitCodeOf({ code }: ErrorNote): number {
  return code === undefined ? 70 : errorCodes[code].exitCode
}
