import type { Row } from './columns.ts'
import { decodeUtf8, splitFields } from './entry-fields.ts'
import { eventOf } from './event.ts'
import type { EventType } from './event-type.ts'
import { type Restored, restore } from './extra.ts'
import { isObject, sameJson } from './json.ts'
import { keepsMeaning } from './json-text.ts'
import type { StreamEntry } from './stream-entry.ts'

/**
 * The inverse of `toRow`: the event's JSON and the entry's other fields, alternating names and values. The text
 * is equal in value to the one that came, and the same text where only that says all. Throws where the row's
 * `extra` is not of our making.
 */
export function rebuildEvent(type: EventType, row: Row): { text: string; fields: readonly Buffer[] } {
  const { event, others } = restore(type, row)
  return { text: 'text' in event ? event.text : JSON.stringify(event.json), fields: others }
}

/**
 * True when the row was made of an entry with the same content; ids are not compared. It tells an entry that is
 * delivered again from another one under the same id. A row that cannot be rebuilt is the row of no entry.
 */
export function sameEntry(type: EventType, row: Row, entry: StreamEntry): boolean {
  const { data, others } = splitFields(entry.fields)
  const text = data && decodeUtf8(data)
  if (text === undefined) return false
  try {
    const restored = restore(type, row)
    return sameFields(restored.others, others) && sameEvent(restored.event, text)
  } catch {
    return false
  }
}

/** A text that a value cannot hold equals only itself, even where JSON.parse makes the same of both. */
function sameEvent(event: Restored['event'], text: string): boolean {
  if ('text' in event) return event.text === text
  const json: unknown = JSON.parse(text)
  if (!isObject(json) || !isObject(event.json) || !keepsMeaning(text, json)) return false
  return sameJson(eventOf(event.json).json, eventOf(json).json)
}

function sameFields(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((field, index) => b[index]?.equals(field))
}
