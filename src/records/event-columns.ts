import type { Value } from './columns.ts'
import type { Event } from './event.ts'
import { collectionOf, type EventType } from './event-type.ts'
import { microsecondsOf } from './iso-time.ts'
import { isObject, type JsonObject, stringOf } from './json.ts'
import { postColumns } from './posts.ts'
import { millisecondsOf, type StreamEntry } from './stream-entry.ts'
import { accountSubjectColumns, followColumns, recordSubjectColumns } from './subjects.ts'

/**
 * The columns of an event but for `extra`, which is made from them. Each takes a value only where it has the
 * right type at every step of its path.
 */
export function columnsOfEvent(
  type: EventType,
  entry: StreamEntry,
  event: Event,
  identity: Identity,
): Record<string, Value> {
  const { did, rkey, operation } = identity
  const isDelete = operation === 'delete'
  const record = !isDelete && isObject(event.record) ? event.record : undefined
  return {
    stream_id: entry.id,
    event_time: eventTime(event.time, millisecondsOf(entry.id)),
    did,
    rkey,
    uri: `at://${did}/${collectionOf[type]}/${rkey}`,
    operation,
    rev: stringOf(event.rev),
    cid: isDelete ? null : stringOf(event.cid),
    created_at: typeof record?.createdAt === 'string' ? microsecondsOf(record.createdAt) : null,
    ...recordColumns(type, record),
  }
}

/** What an event needs to have a row, already checked. */
export type Identity = { readonly did: string; readonly rkey: string; readonly operation: string }

function recordColumns(type: EventType, record: JsonObject | undefined): Readonly<Record<string, Value>> {
  switch (type) {
    case 'posts':
      return postColumns(record)
    case 'likes':
    case 'reposts':
      return recordSubjectColumns(record)
    case 'follows':
      return followColumns(record)
    case 'blocks':
      return accountSubjectColumns(record)
  }
}

const EARLIEST_US = Date.UTC(2022, 0) * 1000
const DAY_US = 86_400_000_000

/**
 * The event's own time where it is believable: after 2022, when the network began, and at most a day after the
 * entry came. Else the entry's time. An id may hold any 64-bit number, so that is cut at MAX_SAFE_INTEGER
 * microseconds (the year 2255): the result is always a safe integer and never negative.
 */
function eventTime(time: unknown, entryMs: number): number {
  const entryUs = Math.min(entryMs * 1000, Number.MAX_SAFE_INTEGER)
  const isBelievable =
    typeof time === 'number' && Number.isSafeInteger(time) && time >= EARLIEST_US && time <= entryUs + DAY_US
  return isBelievable ? time : entryUs
}
