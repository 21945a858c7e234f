import { join } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import type { OpenParquet, Settled } from '../flows/dataset-port.ts'
import type { Row } from '../records/columns.ts'
import type { EventType } from '../records/event-type.ts'
import { sameEntry } from '../records/rebuild.ts'
import { parseRejectedLine } from '../records/rejected-entry.ts'
import { compareIds, type EntryId, type StreamEntry } from '../records/stream-entry.ts'
import { diskError } from './disk.ts'
import type { LiveFile, StreamLog } from './stream-log.ts'

export type SettleTools = {
  readonly log: StreamLog
  readonly type: EventType
  readonly openParquet: OpenParquet
}

/**
 * Tells which entries the dataset holds. Never by a watermark: Redis can be rewound, and then gives ids again
 * that lie below it. An id inside a committed run is looked up in the files, and its content compared, since
 * after a split brain the same id may name another event.
 */
export async function settle(tools: SettleTools, entries: readonly StreamEntry[]): Promise<Settled> {
  const first = entries[0]?.id
  const last = entries.at(-1)?.id
  if (first === undefined || last === undefined || !tools.log.overlaps(first, last)) {
    return { fresh: entries, known: [], collisions: [] }
  }
  const suspects = entries.filter(({ id }) => tools.log.overlaps(id, id))
  const seen = await lookUpAgain(tools, suspects)
  const fresh: StreamEntry[] = []
  const known: EntryId[] = []
  const collisions: EntryId[] = []
  for (const entry of entries) {
    const same = seen.get(entry.id)
    if (same === true) known.push(entry.id)
    else fresh.push(entry)
    if (same === false) collisions.push(entry.id)
  }
  return { fresh, known, collisions }
}

/** A file may be replaced while it is looked into: then the log has grown, and tells where its entries are now. */
async function lookUpAgain(
  tools: SettleTools,
  entries: readonly StreamEntry[],
): Promise<Map<EntryId, boolean>> {
  const { number } = tools.log
  try {
    return await lookUp(tools, entries)
  } catch (error) {
    await tools.log.catchUp()
    if (tools.log.number === number) throw error
    return await lookUpAgain(tools, entries)
  }
}

/** For each id that the dataset holds: whether one of its contents is the entry's. */
async function lookUp(tools: SettleTools, entries: readonly StreamEntry[]): Promise<Map<EntryId, boolean>> {
  const byId = new Map(entries.map(entry => [entry.id, entry]))
  const seen = new Map<EntryId, boolean>()
  const first = entries[0]?.id
  const last = entries.at(-1)?.id
  if (first === undefined || last === undefined) return seen
  const note = (id: EntryId, isSame: (entry: StreamEntry) => boolean) => {
    const entry = byId.get(id)
    if (entry !== undefined) seen.set(id, seen.get(id) === true || isSame(entry))
  }
  for (const file of await filesMeeting(tools.log, first, last)) {
    if (file.rejected) {
      for (const old of await rejectedOf(tools.log, file)) note(old.id, entry => sameFields(old, entry))
    } else {
      for (const row of await rowsOf(tools, file, [...byId.keys()])) {
        note(String(row.stream_id), entry => sameEntry(tools.type, row, entry))
      }
    }
  }
  return seen
}

/** The live files whose ids meet a range, all of them in their place. */
async function filesMeeting(log: StreamLog, first: EntryId, last: EntryId): Promise<readonly LiveFile[]> {
  const files = (await log.liveFiles()).filter(
    file => compareIds(file.first, last) <= 0 && compareIds(file.last, first) >= 0,
  )
  for (const file of files) {
    if ((await log.files.disk.size(join(log.files.root, file.path))) !== undefined) continue
    const { number } = log
    await log.catchUp()
    if (log.number > number) return await filesMeeting(log, first, last)
    throw new OperatingError(
      'file-gone',
      `${file.path}, committed by record ${file.record} of ${log.files.stream}, is gone, and with it the proof of which entries it holds. Restore it from a backup of DATA_DIR; the entries stay on the stream. bin/skydrain verify lists what else is missing.`,
    )
  }
  return files
}

async function rowsOf(tools: SettleTools, file: LiveFile, ids: readonly EntryId[]): Promise<readonly Row[]> {
  const parquet = await tools.openParquet()
  const inFile = ids.filter(id => compareIds(file.first, id) <= 0 && compareIds(file.last, id) >= 0)
  return await parquet.readRows(join(tools.log.files.root, file.path), tools.type, inFile)
}

async function rejectedOf(log: StreamLog, file: LiveFile): Promise<readonly StreamEntry[]> {
  const path = join(log.files.root, file.path)
  const content = await log.files.disk.read(path)
  if (content === undefined) throw diskError(new Error('it vanished while it was read'), path)
  return linesOf(content).map(line => parseRejectedLine(line).entry)
}

/** The lines of a file, which as a whole may be longer than a string can be. */
export function linesOf(ndjson: Buffer): readonly string[] {
  const lines: string[] = []
  for (let start = 0; start < ndjson.length; ) {
    const newline = ndjson.indexOf(NEWLINE, start)
    const end = newline === -1 ? ndjson.length : newline
    if (end > start) lines.push(ndjson.toString('utf8', start, end))
    start = end + 1
  }
  return lines
}

const NEWLINE = 10

function sameFields(a: StreamEntry, b: StreamEntry): boolean {
  return a.fields.length === b.fields.length && a.fields.every((field, at) => b.fields[at]?.equals(field))
}
