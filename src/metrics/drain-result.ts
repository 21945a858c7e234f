import type { DrainCounts } from '../flows/drain-report.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { isObject, type JsonObject } from '../records/json.ts'
import { type RejectReason, rejectReasons } from '../records/row.ts'

export type DrainedCounts = Pick<
  DrainCounts,
  'read' | 'written' | 'deleted' | 'files' | 'bytes' | 'claimed' | 'batch' | 'lastTime'
> & { readonly rejectedBy: readonly (readonly [RejectReason, number])[] }

/**
 * What a run drained of each type, where its result tells it. A result is JSON of whatever version sent it: what
 * is missing or no count is 0, and nothing throws.
 */
export function drainedIn(result: unknown): readonly (readonly [EventType, DrainedCounts])[] {
  const types = memberOf(result, 'types')
  return eventTypes.flatMap(type => {
    const counts = memberOf(types, type)
    return isObject(counts) ? [[type, countsOf(counts)] as const] : []
  })
}

function countsOf(counts: JsonObject): DrainedCounts {
  const rejectedBy = memberOf(counts, 'rejectedBy')
  return {
    read: countOf(counts.read),
    written: countOf(counts.written),
    deleted: countOf(counts.deleted),
    files: countOf(counts.files),
    bytes: countOf(counts.bytes),
    claimed: countOf(counts.claimed),
    batch: countOf(counts.batch),
    lastTime: countOf(counts.lastTime),
    rejectedBy: rejectReasons.map(reason => [reason, countOf(memberOf(rejectedBy, reason))] as const),
  }
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}

function countOf(value: unknown): number {
  return Number.isSafeInteger(value) ? Math.max(0, Number(value)) : 0
}
