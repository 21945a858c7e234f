import { eventOf } from './event.ts'
import { type EventType, typeOf } from './event-type.ts'
import { isObject } from './json.ts'

/**
 * The type whose stream the event of an NDJSON line belongs on; undefined for identity and account events, other
 * collections and lines that are no event. Only the collection decides: what is wrong with an event of ours is
 * found, and kept, when it is drained.
 */
export function routeEvent(text: string): EventType | undefined {
  try {
    const json: unknown = JSON.parse(text)
    return isObject(json) ? typeOf(eventOf(json).collection) : undefined
  } catch {
    return undefined
  }
}
