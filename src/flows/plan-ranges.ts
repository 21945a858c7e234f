import { z } from 'zod'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { compareIds, type EntryId, isEntryId, millisecondsOf } from '../records/stream-entry.ts'

import type { IdRange } from './streams-port.ts'

/** A stream as a plan sees it: `firstId` is missing where nothing is on it. */
export type StreamSpan = {
  readonly length: number
  readonly firstId?: EntryId
  readonly lastId: EntryId
}

const entryId = z.string().refine(isEntryId, 'an entry id such as 1700000000000-0')

export const idRange: z.ZodType<IdRange> = z.object({ from: entryId, to: entryId })

/** A range of a stream that one worker drains: the part of a data-writer run. */
export type RangePart = {
  readonly type: EventType
  readonly range: IdRange
  /** The stream's length when the run was planned, and the range's share of it. */
  readonly length: number
  readonly share: number
}

export const rangePart: z.ZodType<RangePart> = z.object({
  type: z.enum(eventTypes),
  range: idRange,
  length: z.number().nonnegative(),
  share: z.number().positive().max(1),
})

/** A range of so many entries takes some seconds: enough to be worth a worker, little to do again when it dies. */
const RANGE_ENTRIES = 250_000

const RANGES_MAX = 16

/**
 * Cuts a stream into ranges that workers drain side by side. A cut is a time between the first and the last id,
 * so that ranges hold about the same number of entries where these came at a steady rate; where they did not,
 * each entry is in exactly one range all the same. An empty stream is one range too: its log may have a commit
 * to finish.
 */
export function planRanges(
  type: EventType,
  within: IdRange,
  { length, firstId, lastId }: StreamSpan,
): RangePart[] {
  const wanted = Math.min(RANGES_MAX, Math.ceil(length / RANGE_ENTRIES))
  const whole = [{ type, range: within, length, share: 1 }]
  if (wanted <= 1 || firstId === undefined) return whole
  const start = millisecondsOf(laterOf(within.from, firstId))
  const end = millisecondsOf(earlierOf(within.to, lastId))
  const cuts = Array.from(
    { length: wanted - 1 },
    (_, at) => start + Math.floor(((end - start) * (at + 1)) / wanted),
  )
  const inside = [...new Set(cuts)].filter(cut => cut > start && cut <= end)
  return [start, ...inside].map((_, at) => ({
    type,
    range: {
      from: at === 0 ? within.from : `${inside[at - 1]}-0`,
      to: at === inside.length ? within.to : lastIdBefore(inside[at]),
    },
    length,
    share: 1 / (inside.length + 1),
  }))
}

function lastIdBefore(milliseconds = 0): EntryId {
  return `${milliseconds - 1}-18446744073709551615`
}

function laterOf(a: EntryId, b: EntryId): EntryId {
  return compareIds(a, b) >= 0 ? a : b
}

function earlierOf(a: EntryId, b: EntryId): EntryId {
  return compareIds(a, b) <= 0 ? a : b
}
