import type { Row } from '../records/columns.ts'
import type { EventType } from '../records/event-type.ts'
import { rejectedLine } from '../records/rejected-entry.ts'
import { type RejectReason, toRow } from '../records/row.ts'
import type { EntryId, StreamEntry } from '../records/stream-entry.ts'

export type MadeRows = {
  readonly rows: readonly Row[]
  readonly rejected: readonly { readonly id: EntryId; readonly line: string; readonly reason: RejectReason }[]
}

/** The rows of entries, and the lines of those that can be none, both in the entries' order. */
export function makeRows(type: EventType, entries: readonly StreamEntry[], entryBytesMax: number): MadeRows {
  const rows: Row[] = []
  const rejected: MadeRows['rejected'][number][] = []
  for (const entry of entries) {
    const made = toRow(type, entry, { entryBytesMax })
    if ('row' in made) {
      rows.push(made.row)
    } else {
      const { reason } = made.rejected
      rejected.push({ id: entry.id, line: rejectedLine(entry, made.rejected), reason })
    }
  }
  return { rows, rejected }
}
