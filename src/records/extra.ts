import type { Row } from './columns.ts'
import { fieldsJson, fieldsOfJson } from './entry-fields.ts'
import type { Event } from './event.ts'
import type { EventType } from './event-type.ts'
import { isObject } from './json.ts'
import { keepsMeaning } from './json-text.ts'
import { applyPatch, holdsNullMember, patchBetween } from './merge-patch.ts'
import { rebuiltEvent } from './rebuilt-event.ts'

/** The words of `extra` itself. An event with a top-level member of such a name is kept whole, under `$event`. */
const RESERVED = ['$text', '$event', '$shape', '$fields']

/** The column `extra`: what the other columns do not tell of the event and the entry, null when that is nothing. */
export function extraOf(
  type: EventType,
  columns: Row,
  { event, text, others }: { event: Event; text: string; others: readonly Buffer[] },
): string | null {
  const extra: Record<string, unknown> = eventExtra(type, columns, event, text)
  if (event.shape === 'flat') extra.$shape = 'flat'
  if (others.length > 0) extra.$fields = fieldsJson(others)
  return Object.keys(extra).length > 0 ? JSON.stringify(extra) : null
}

function eventExtra(type: EventType, columns: Row, event: Event, text: string): Record<string, unknown> {
  const { json, shape } = event
  if (!keepsMeaning(text, json)) return { $text: text }
  const isSayable = !holdsNullMember(json) && !RESERVED.some(key => Object.hasOwn(json, key))
  return isSayable ? patchBetween(rebuiltEvent(type, columns, shape), json) : { $event: json }
}

/** What a row says of its entry: the event as a value, or as the text where a value cannot hold it. */
export type Restored = {
  readonly event: { readonly json: unknown } | { readonly text: string }
  readonly others: readonly Buffer[]
}

/** The inverse of `extraOf`. Throws where `extra` is not of its making. */
export function restore(type: EventType, row: Row): Restored {
  const extra: unknown = typeof row.extra === 'string' ? JSON.parse(row.extra) : {}
  if (!isObject(extra)) throw new Error('The column extra must hold a JSON object.')
  const { $text, $event, $shape, $fields, ...patch } = extra
  const others = $fields === undefined ? [] : fieldsOfJson($fields)
  if (typeof $text === 'string') return { event: { text: $text }, others }
  if ($event !== undefined) return { event: { json: $event }, others }
  const rebuilt = rebuiltEvent(type, row, $shape === 'flat' ? 'flat' : 'jetstream')
  return { event: { json: applyPatch(rebuilt, patch) }, others }
}
