import { join } from 'node:path'

import { type ErrorCode, OperatingError } from '../engine/errors.ts'
import type { OpenParquet } from '../flows/dataset-port.ts'
import { eventTypes } from '../records/event-type.ts'
import { commitLogs } from './commit-log.ts'
import type { CommitRecord } from './commit-record.ts'
import type { Dataset } from './dataset.ts'
import type { Disk } from './disk.ts'
import { doubledRows } from './doubled-rows.ts'
import { STAGING_FOLDER } from './layout.ts'
import type { LogFiles } from './log-files.ts'
import { readSoundLog, readWholeLog } from './read-log.ts'
import type { LiveFile } from './stream-log.ts'
import { type FileFault, verifyFile } from './verify-file.ts'

export type Verdict = {
  readonly ok: boolean
  /** Live Parquet files. */
  readonly files: number
  /** Rows that were read in them. */
  readonly rows: number
  /** Rows that stand in the dataset a second time: same id, same content. */
  readonly duplicates: number
  /** Rows that the log says were committed, and whose file is gone or damaged. */
  readonly missing: number
  /** Parquet files that no record names, and files that attempts left in staging. */
  readonly orphans: number
  readonly problems: readonly Problem[]
}

/** What is wrong, and what to do about it. */
export type Problem = { readonly path: string; readonly message: string }

export type VerifyTools = {
  readonly disk: Disk
  readonly dataset: Dataset
  readonly openParquet: OpenParquet
  readonly now: () => number
  readonly onProgress: (done: { readonly files: number; readonly of: number }) => void
}

/**
 * Audits the dataset without trusting what wrote it: the log is read from its first record, every file that it
 * names is opened and compared with it, and every file that is there must be named by it.
 */
export async function verify(tools: VerifyTools, signal: AbortSignal): Promise<Verdict> {
  const first = await readLogs(tools)
  const checked = await verifyFiles(tools, [...first.live.values()], signal)
  const paths = await tools.disk.listAll(tools.dataset.folder)
  // Runs may have committed and replaced files all the while: what they did is no fault.
  const logs = await readLogs(tools)
  const { faults, mended } = await stillFaulty(tools, checked.faults, logs)
  const live = [...logs.live.values()]
  const doubled = await doubledRows(tools, live, faults, signal)
  const orphans = await orphansOf(tools, paths, logs)
  const problems = [
    ...logs.problems,
    ...faults.map(({ path, message }) => ({ path, message })),
    ...doubled.problems,
    ...orphans.problems,
  ]
  return {
    ok: problems.length === 0,
    files: [...first.live.values()].filter(file => !file.rejected).length,
    rows: checked.rows + mended,
    duplicates: doubled.count,
    missing: faults.reduce((sum, fault) => sum + fault.rows, 0),
    orphans: orphans.count,
    problems,
  }
}

type Logs = {
  readonly live: ReadonlyMap<string, LiveFile>
  /** The files that a later record took away. */
  readonly removed: ReadonlySet<string>
  readonly problems: readonly Problem[]
}

async function readLogs({ disk, dataset }: VerifyTools): Promise<Logs> {
  const problems: Problem[] = []
  const live = new Map<string, LiveFile>()
  const removed = new Set<string>()
  for (const type of eventTypes) {
    const log = { disk, root: dataset.folder, stream: dataset.streams[type] }
    const whole = await readWholeLog(log)
    problems.push(...whole.faults.map(message => ({ path: log.stream, message })))
    problems.push(...whole.records.flatMap(countFaults))
    for (const record of whole.records) for (const path of record.removes) removed.add(path)
    for (const [path, file] of whole.live) live.set(path, file)
  }
  return { live, removed, problems }
}

/** The faults of files that still count and, looked at again, are still wrong; and the rows of those that are not. */
async function stillFaulty(tools: VerifyTools, faults: readonly FileFault[], { live }: Logs) {
  const left: FileFault[] = []
  let mended = 0
  for (const fault of faults) {
    const file = live.get(fault.path.slice(tools.dataset.folder.length + 1))
    if (file === undefined) continue
    const again = await verifyFile(tools, file)
    if (again !== undefined) left.push(again)
    else if (!file.rejected) mended += file.rows
  }
  return { faults: left, mended }
}

/**
 * Finishes what crashed runs left: publishes what is committed, removes abandoned staging behind abort records.
 * Deletes no row. What cannot be finished stays for `verify` to tell.
 */
export async function repair({ disk, dataset, openParquet, now }: VerifyTools, run: string): Promise<void> {
  for (const type of eventTypes) {
    try {
      const log = await commitLogs(dataset, { disk, openParquet, now }).openLog(type)
      await log.catchUp()
      await log.cleanUp(run)
      await removeReplaced({ disk, root: dataset.folder, stream: dataset.streams[type] })
    } catch (error) {
      if (!(error instanceof OperatingError) || !LEFT_TO_VERIFY.has(error.code)) throw error
    }
  }
}

/**
 * A file that a published record took away, and that came back since, from a backup for instance. It stays where
 * any file that counts is missing: then it may be the only copy of its rows.
 */
async function removeReplaced(log: LogFiles): Promise<void> {
  const { records, live } = await readSoundLog(log)
  for (const path of live.keys()) {
    if ((await log.disk.size(join(log.root, path))) === undefined) return
  }
  for (const { removes } of records) {
    for (const path of removes) await log.disk.removeFile(join(log.root, path))
  }
}

/** What only a backup can mend: the verdict that follows tells all of it, not just the first. */
const LEFT_TO_VERIFY: ReadonlySet<ErrorCode> = new Set(['file-gone', 'unreadable-record'])

async function verifyFiles(tools: VerifyTools, live: readonly LiveFile[], signal: AbortSignal) {
  const faults: FileFault[] = []
  let rows = 0
  for (const [at, file] of live.entries()) {
    signal.throwIfAborted()
    const fault = await verifyFile(tools, file)
    if (fault !== undefined) faults.push(fault)
    else if (!file.rejected) rows += file.rows
    tools.onProgress({ files: at + 1, of: live.length })
  }
  return { rows, faults }
}

/** A record's runs count the entries that its files hold. */
function countFaults(record: CommitRecord): Problem[] {
  if (record.kind !== 'append') return []
  const counted = record.runs.reduce((sum, [, , count]) => sum + count, 0)
  const held = record.files.reduce((sum, file) => sum + file.rows, record.rejected?.rows ?? 0)
  if (counted === held) return []
  return [
    {
      path: record.stream,
      message: `Record ${record.number} of ${record.stream} counts ${counted} entries and its files hold ${held}.`,
    },
  ]
}

async function orphansOf({ disk, dataset }: VerifyTools, paths: readonly string[], { live, removed }: Logs) {
  const problems: Problem[] = []
  let count = 0
  for (const path of paths) {
    if (path.startsWith(`${STAGING_FOLDER}/`)) count += 1
    if (!isDataFile(path) || live.has(path)) continue
    if ((await disk.size(join(dataset.folder, path))) === undefined) continue
    count += 1
    problems.push({
      path: join(dataset.folder, path),
      message: removed.has(path)
        ? 'It was replaced, and is still there: readers see its rows twice. bin/skydrain verify --repair removes it.'
        : 'No commit record names it, but readers see its rows. Move it out of DATA_DIR, unless a part of _log was lost: then restore that.',
    })
  }
  return { count, problems }
}

function isDataFile(path: string): boolean {
  return path.endsWith('.parquet') || path.startsWith('_rejected/')
}
