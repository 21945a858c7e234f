import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import { type CommitRecord, isRun, parseRecord, sealed, serializeRecord, unsealed } from './commit-record.ts'
import { type Disk, makeFolderDurably } from './disk.ts'
import {
  attemptFolder,
  checkpointPath,
  logFolder,
  numberOfRecord,
  recordFolder,
  recordName,
  recordPath,
  stagingFolder,
} from './layout.ts'
import type { Run } from './run-index.ts'

/** What the records up to `number` fold into. All of them are published. */
export type Checkpoint = { readonly number: number; readonly runs: readonly Run[] }

const CHECKPOINT_VERSION = 1

/** A stream's log as files: reading a record, deciding one, the checkpoint. */
export type LogFiles = {
  readonly disk: Disk
  /** DATA_DIR, absolute. */
  readonly root: string
  readonly stream: string
}

/** The record of a number; undefined where the log does not reach that far. */
export async function readRecord(log: LogFiles, number: number): Promise<CommitRecord | undefined> {
  const path = join(log.root, recordPath(log.stream, number))
  const text = await log.disk.read(path)
  return text === undefined ? undefined : parseRecord(text.toString(), path)
}

/** The records behind a number, in order. */
export async function readRecordsAfter(log: LogFiles, number: number): Promise<readonly CommitRecord[]> {
  const records: CommitRecord[] = []
  for (;;) {
    const record = await readRecord(log, number + 1 + records.length)
    if (record === undefined) return records
    records.push(record)
  }
}

/**
 * Gives a record its number in the log, for good, or tells that the number is taken. From the call of link()
 * on the outcome is only what the log says: after any error the number is read back.
 */
export async function linkRecord(log: LogFiles, record: CommitRecord): Promise<'linked' | 'taken'> {
  const folder = join(log.root, recordFolder(log.stream, record.number))
  await makeFolderDurably(log.disk, log.root, folder)
  const draft = join(
    log.root,
    attemptFolder(log.stream, record.attempt),
    `record-${recordName(record.number)}.json`,
  )
  await log.disk.writeFile(draft, serializeRecord(record))
  try {
    await log.disk.link(draft, join(log.root, recordPath(log.stream, record.number)))
  } catch (error) {
    const found = await readRecord(log, record.number)
    if (found === undefined) throw error
    if (found.attempt !== record.attempt) return 'taken'
  }
  await log.disk.syncFolder(folder)
  return 'linked'
}

/** Makes records that somebody linked durable, before anything is built on them. */
export async function syncRecords(log: LogFiles, records: readonly CommitRecord[]): Promise<void> {
  const folders = new Set(records.map(record => join(log.root, recordFolder(log.stream, record.number))))
  for (const folder of folders) await makeFolderDurably(log.disk, log.root, folder)
  for (const folder of folders) await log.disk.syncFolder(folder)
}

/** The checkpoint; the empty one where there is none, or none that fits the log. It is only a cache. */
export async function readCheckpoint(log: LogFiles): Promise<Checkpoint> {
  const empty: Checkpoint = { number: 0, runs: [] }
  const path = join(log.root, checkpointPath(log.stream))
  const text = await log.disk.read(path)
  if (text === undefined) return empty
  try {
    const { version, stream, number, runs } = unsealed(text.toString(), path)
    if (version !== CHECKPOINT_VERSION || stream !== log.stream) return empty
    if (typeof number !== 'number' || !Array.isArray(runs) || !runs.every(isRun)) return empty
    return (await readRecord(log, number)) === undefined ? empty : { number, runs }
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'unreadable-record') return empty
    throw error
  }
}

export async function writeCheckpoint(log: LogFiles, { number, runs }: Checkpoint): Promise<void> {
  await makeFolderDurably(log.disk, log.root, join(log.root, stagingFolder(log.stream)))
  const draft = join(log.root, stagingFolder(log.stream), `checkpoint-${randomUUID()}.json`)
  await log.disk.writeFile(draft, sealed({ version: CHECKPOINT_VERSION, stream: log.stream, number, runs }))
  await log.disk.rename(draft, join(log.root, checkpointPath(log.stream)))
}

/**
 * Refuses a log with a hole: behind `number` the records must go on without a gap up to the last one there
 * is. A commit into the hole would stand before records that were decided earlier.
 */
export async function checkGapless(log: LogFiles, number: number): Promise<void> {
  const folders = (await log.disk.list(join(log.root, logFolder(log.stream)))).filter(name =>
    /^\d{4,}$/.test(name),
  )
  // The newest may be empty: it is made before its first record is linked.
  const newest = folders.sort((a, b) => Number(a) - Number(b)).slice(-2)
  const names = newest.map(folder => log.disk.list(join(log.root, logFolder(log.stream), folder)))
  const last = Math.max(0, ...(await Promise.all(names)).flat().map(name => numberOfRecord(name) ?? 0))
  for (let missing = number + 1; missing <= last; missing += 1) {
    if ((await log.disk.size(join(log.root, recordPath(log.stream, missing)))) === undefined) {
      throw new OperatingError(
        'unreadable-record',
        `The commit record ${recordPath(log.stream, missing)} is missing from ${log.root}, and there are later ones up to ${last}. Nothing is written to this dataset until it is restored, from a backup of DATA_DIR for instance; the entries stay on the streams.`,
      )
    }
  }
}
