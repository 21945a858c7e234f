import type { Row } from './columns.ts'
import { bytesOf, decodeUtf8, splitFields } from './entry-fields.ts'
import { type Event, eventOf } from './event.ts'
import { columnsOfEvent, type Identity } from './event-columns.ts'
import { collectionOf, type EventType } from './event-type.ts'
import { extraOf } from './extra.ts'
import { isObject, stringOf } from './json.ts'
import { nestsDeeperThan } from './json-text.ts'
import type { StreamEntry } from './stream-entry.ts'

export type RowOrRejection = { readonly row: Row } | { readonly rejected: Rejection }

/**
 * The row of one entry, or the reason why it can have none. Never throws, so that one bad entry cannot stop
 * its neighbours. Columns and `extra` together hold all of the entry; `rebuildEvent` is the inverse.
 */
export function toRow(
  type: EventType,
  entry: StreamEntry,
  limits: { readonly entryBytesMax: number },
): RowOrRejection {
  const bytes = bytesOf(entry.fields)
  if (bytes > limits.entryBytesMax) {
    return rejected('too-large', `The entry has ${bytes} bytes; the limit is ${limits.entryBytesMax}.`)
  }
  try {
    return rowOf(type, entry)
  } catch (error) {
    // A text longer than the engine can hold, which only a very high entryBytesMax lets this far.
    if (error instanceof RangeError) return rejected('too-large', 'The entry is too large for one text.')
    throw error
  }
}

function rowOf(type: EventType, entry: StreamEntry): RowOrRejection {
  const { data, others } = splitFields(entry.fields)
  if (data === undefined) return rejected('no-data', 'The entry has no field named data.')
  const text = decodeUtf8(data)
  if (text === undefined) return rejected('not-utf8', 'The field data is not valid UTF-8.')
  if (nestsDeeperThan(text, PARSED_NESTING_MAX)) {
    return rejected('bad-json', `The field data nests deeper than ${PARSED_NESTING_MAX} levels.`)
  }
  const json = parsed(text)
  if (json === undefined) return rejected('bad-json', 'The field data is not valid JSON.')
  if (!isObject(json)) return rejected('not-an-object', 'The event is not a JSON object.')

  const event = eventOf(json)
  const identity = identityOf(type, event)
  if ('rejected' in identity) return identity
  const columns = columnsOfEvent(type, entry, event, identity)
  // Added in place: copying 26 columns would cost a tenth of the whole.
  columns.extra = extraOf(type, columns, { event, text, others })
  return { row: columns }
}

/** Why no row can be made of an entry, in the order in which it is checked. Few and fixed, so that metrics can count by it. */
export const rejectReasons = [
  'too-large',
  'no-data',
  'not-utf8',
  'bad-json',
  'not-an-object',
  'other-collection',
  'no-did',
  'no-rkey',
  'unknown-operation',
] as const

export type RejectReason = (typeof rejectReasons)[number]

/** The message is one short sentence for a person; it holds nothing of the entry but sizes. */
export type Rejection = {
  readonly reason: RejectReason
  readonly message: string
}

export function isRejectReason(word: unknown): word is RejectReason {
  return (rejectReasons as readonly unknown[]).includes(word)
}

/** What a row cannot do without. Empty counts as missing: Jetstream's encoder leaves empty texts out. */
function identityOf(type: EventType, event: Event): Identity | { readonly rejected: Rejection } {
  const { collection, operation } = event
  if (collection !== collectionOf[type]) {
    return rejected('other-collection', `The event is not one of the collection ${collectionOf[type]}.`)
  }
  const did = stringOf(event.did)
  if (!did) return rejected('no-did', 'The event has no usable did.')
  const rkey = stringOf(event.rkey)
  if (!rkey) return rejected('no-rkey', 'The event has no usable rkey.')
  if (operation !== 'create' && operation !== 'update' && operation !== 'delete') {
    return rejected('unknown-operation', 'The event is no create, update or delete.')
  }
  return { did, rkey, operation }
}

/** JSON.parse takes about 60 bytes a level: 16 MiB of brackets would take 500 MB and could end the process. */
const PARSED_NESTING_MAX = 2_000_000

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function rejected(reason: RejectReason, message: string): { readonly rejected: Rejection } {
  return { rejected: { reason, message } }
}
