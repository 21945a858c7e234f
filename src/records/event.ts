import { microsecondsOf } from './iso-time.ts'
import { isObject, type JsonObject, withoutNulls } from './json.ts'

/** Which of the two producers' forms an event has: a Jetstream commit event, or a flat one. */
export type EventShape = 'jetstream' | 'flat'

/** An event's parts, wherever its shape keeps them. Nothing here is checked yet but the object itself. */
export type Event = {
  readonly shape: EventShape
  /** The whole event. A flat event comes without its top-level nulls, which count as absent. */
  readonly json: JsonObject
  readonly did: unknown
  readonly collection: unknown
  readonly rkey: unknown
  readonly operation: unknown
  readonly rev: unknown
  readonly cid: unknown
  readonly record: unknown
  /** The event's own clock in microseconds: `time_us`, or the instant of `indexedAt`. */
  readonly time: unknown
}

/** An event is a Jetstream event where it has an object `commit`, else it is read as a flat one. */
export function eventOf(json: JsonObject): Event {
  const { commit } = json
  if (!isObject(commit)) return flatEventOf(withoutNulls(json))
  const { collection, rkey, operation, rev, cid, record } = commit
  const { did, time_us: time } = json
  return { shape: 'jetstream', json, did, collection, rkey, operation, rev, cid, record, time }
}

function flatEventOf(json: JsonObject): Event {
  const { repo: did, collection, rkey, cid, record, indexedAt } = json
  const time = typeof indexedAt === 'string' ? microsecondsOf(indexedAt) : undefined
  const operation = flatOperation(cid, record)
  return { shape: 'flat', json, did, collection, rkey, operation, rev: undefined, cid, record, time }
}

function flatOperation(cid: unknown, record: unknown): string | undefined {
  if (isObject(record)) return 'create'
  return record === undefined && cid === undefined ? 'delete' : undefined
}
