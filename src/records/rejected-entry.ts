import { fieldPairs, fieldsOfPairs } from './entry-fields.ts'
import { isObject } from './json.ts'
import { isRejectReason, type Rejection } from './row.ts'
import { isEntryId, type StreamEntry } from './stream-entry.ts'

/** One line of a rejected file, without its newline: JSON that holds the entry whole, and why it has no row. */
export function rejectedLine(entry: StreamEntry, { reason, message }: Rejection): string {
  return JSON.stringify({ id: entry.id, reason, message, fields: fieldPairs(entry.fields) })
}

/** The exact inverse of `rejectedLine`. Throws where the line is not of that form. */
export function parseRejectedLine(line: string): { entry: StreamEntry; rejection: Rejection } {
  const json: unknown = JSON.parse(line)
  if (!isObject(json)) throw new Error('A rejected line must be a JSON object.')
  const { id, reason, message, fields } = json
  if (typeof id !== 'string' || !isEntryId(id))
    throw new Error('A rejected line must hold the id of an entry.')
  if (!isRejectReason(reason)) throw new Error('A rejected line must hold one of the known reasons.')
  if (typeof message !== 'string') throw new Error('A rejected line must hold a message.')
  return { entry: { id, fields: fieldsOfPairs(fields) }, rejection: { reason, message } }
}
