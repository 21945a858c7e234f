import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import type { EventType } from '../records/event-type.ts'
import { RECORD_VERSION } from './commit-record.ts'
import { type Disk, makeFolderDurably } from './disk.ts'
import { attemptFolder, numberOfRecord, STAGING_FOLDER, stagingFolder } from './layout.ts'
import { readRecord } from './log-files.ts'
import type { StreamLog } from './stream-log.ts'

/**
 * Staging older than this is taken for a crashed attempt's. Only saves work: an attempt that still lives is
 * told by the abort record that it has to start again.
 */
export const ABANDONED_AFTER_MS = 15 * 60_000

const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'

/** What is not ours stays where it is: a person's file, or another stream's folder. */
const ATTEMPT = /^[0-9a-z-]+$/
const OPENING = new RegExp(`^(dataset-${UUID}\\.json|probe-${UUID}(-linked)?)$`)

/**
 * Removes the staging of attempts that never committed. A worker that was only stopped may go on at any time
 * and link its record: so an abort record must first have won a number, after which that attempt can no longer
 * commit, and only then its files go.
 */
export async function cleanUp(log: StreamLog, type: EventType, run: string, now: number): Promise<void> {
  const { disk, root, stream } = log.files
  const folder = join(root, stagingFolder(stream))
  for (const name of await abandonedIn(disk, folder, now)) {
    if (/^checkpoint-.*\.json$/.test(name)) await disk.removeFile(join(folder, name))
    else if (ATTEMPT.test(name)) await cleanAttempt(log, { type, run, now, attempt: name })
  }
  // Drafts of _dataset.json and probes for link(), of a process that died while it opened the dataset.
  for (const name of await abandonedIn(disk, join(root, STAGING_FOLDER), now)) {
    if (OPENING.test(name)) await disk.removeFile(join(root, STAGING_FOLDER, name))
  }
}

async function abandonedIn(disk: Disk, folder: string, now: number): Promise<readonly string[]> {
  const abandoned: string[] = []
  for (const name of await disk.list(folder)) {
    const changedAt = await disk.changedAt(join(folder, name))
    if (changedAt !== undefined && now - changedAt >= ABANDONED_AFTER_MS) abandoned.push(name)
  }
  return abandoned
}

type Abandoned = {
  readonly type: EventType
  readonly run: string
  readonly now: number
  readonly attempt: string
}

async function cleanAttempt(log: StreamLog, abandoned: Abandoned): Promise<void> {
  const { disk, root, stream } = log.files
  const folder = join(root, attemptFolder(stream, abandoned.attempt))
  const names = await disk.list(folder)
  if (names.length === 0) {
    // A writer that keeps its rows in memory has nothing there yet, and may wake up: rmdir then refuses.
    await disk.removeFolder(folder)
    return
  }
  // Its record may be newer than what was caught up with: its files must be published before anything goes.
  if (await hasCommitted(log, abandoned.attempt, names)) await log.catchUp()
  else if (!(await abort(log, abandoned))) return
  await disk.removeTree(folder)
}

/** A draft names the number that the attempt tried for; the log says whether it won it. */
async function hasCommitted(log: StreamLog, attempt: string, names: readonly string[]): Promise<boolean> {
  for (const name of names.filter(name => name.startsWith('record-'))) {
    const number = numberOfRecord(name.slice('record-'.length))
    const record = number === undefined ? undefined : await readRecord(log.files, number)
    if (record?.attempt === attempt) return true
  }
  return false
}

/** True when the abort stands; false when the attempt committed first, and is no rubbish any more. */
async function abort(log: StreamLog, { type, run, now, attempt }: Abandoned): Promise<boolean> {
  const { disk, root, stream } = log.files
  const own = randomUUID()
  await makeFolderDurably(disk, root, join(root, attemptFolder(stream, own)))
  const draft = {
    version: RECORD_VERSION,
    kind: 'abort' as const,
    attempt: own,
    aborts: attempt,
    stream,
    type,
    run,
    time: new Date(now).toISOString(),
    runs: [],
    files: [],
    rejected: null,
    removes: [],
  }
  return await log.append(draft, log.number, other => other.attempt !== attempt)
}
