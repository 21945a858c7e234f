import { bytesOf } from '../records/entry-fields.ts'
import type { RejectReason } from '../records/row.ts'
import { compareIds, type EntryId, nextId } from '../records/stream-entry.ts'
import type { Attempt } from './dataset-port.ts'
import type { DrainSetting } from './drain-setting.ts'
import { makeRows } from './make-rows.ts'
import type { IdRange } from './streams-port.ts'

/** What one commit is to hold. */
export type Staged = {
  /** The entries that became rows or rejected lines. */
  readonly ids: readonly EntryId[]
  readonly rows: number
  readonly rejected: ReadonlyMap<RejectReason, number>
  /** Those of `ids` that the dataset holds with other content. */
  readonly collisions: readonly EntryId[]
  /** The last entry that was read, known ones included. */
  readonly last: EntryId | undefined
  /** What is left of the range behind it; undefined when nothing is. */
  readonly rest: IdRange | undefined
}

/** Staged rows wait at most this long for their commit, so that a slow stream's rows come to be seen. */
const COMMIT_AFTER_MS = 60_000

/** What one commit stages at most, as entries' bytes: FILE_ROWS_MAX giant entries would not fit in memory. */
const COMMIT_BYTES_MAX = 256 * 1024 * 1024

/** Reads a range batch by batch into an attempt, until it holds one commit's worth. Deletes what is known. */
export async function stageEntries(setting: DrainSetting, attempt: Attempt, range: IdRange): Promise<Staged> {
  const { connection, limits, now, signal } = setting
  const stopAt = Math.min(now() + COMMIT_AFTER_MS, setting.readUntil)
  const ids: EntryId[] = []
  const collisions: EntryId[] = []
  const rejected = new Map<RejectReason, number>()
  let bytes = 0
  let last: EntryId | undefined
  let rest: IdRange | undefined = range

  while (
    rest !== undefined &&
    ids.length < limits.fileRowsMax &&
    bytes < COMMIT_BYTES_MAX &&
    now() < stopAt
  ) {
    signal.throwIfAborted()
    const batch = await connection.read(rest, Math.min(limits.batchSize, limits.fileRowsMax - ids.length))
    setting.report.batch(batch.length)
    const settled = await setting.log.settle(batch)
    await deleteKnown(setting, settled.known)
    const made = makeRows(setting.type, settled.fresh, limits.entryBytesMax)
    await attempt.append(made)

    for (const entry of settled.fresh) {
      ids.push(entry.id)
      bytes += bytesOf(entry.fields)
    }
    for (const { reason } of made.rejected) rejected.set(reason, (rejected.get(reason) ?? 0) + 1)
    collisions.push(...settled.collisions)
    last = batch.at(-1)?.id ?? last
    rest = batch.length === 0 ? undefined : behind(last, range.to)
  }
  const rows = ids.length - [...rejected.values()].reduce((sum, count) => sum + count, 0)
  return { ids, rows, rejected, collisions, last, rest }
}

async function deleteKnown({ connection, report }: DrainSetting, known: readonly EntryId[]): Promise<void> {
  if (known.length > 0) report.duplicates(known.length, await connection.deleteEntries(known))
}

/** What lies behind an entry of a range; undefined where the entry was its last. */
function behind(id: EntryId | undefined, to: EntryId): IdRange | undefined {
  if (id === undefined || compareIds(id, to) >= 0) return undefined
  return { from: nextId(id), to }
}
