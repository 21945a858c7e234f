import { basename, join } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import type { IdRange } from '../flows/streams-port.ts'
import { compareIds, type EntryId } from '../records/stream-entry.ts'
import type { CommitRecord } from './commit-record.ts'
import { logFolder, numberOfRecord, recordFolder, recordPath } from './layout.ts'
import { type LogFiles, readCheckpoint, readRecord, readRecordsAfter } from './log-files.ts'
import { RunIndex } from './run-index.ts'

/**
 * The commit log of a stream for those who only look, and look again and again: opened from its checkpoint, then
 * only what came since is read. Changes nothing, publishes nothing, makes nothing durable.
 */
export class LogFollower {
  readonly #files: LogFiles
  #runs = new RunIndex()
  #newest: CommitRecord | undefined
  #isOpen = false

  constructor(files: LogFiles) {
    this.#files = files
  }

  /** The newest record, of whatever kind; undefined for a log without one. As of the last `refresh`. */
  get newest(): CommitRecord | undefined {
    return this.#newest
  }

  /**
   * Reads what came since the last time. Throws `unreadable-record` where a record is missing or cannot be read,
   * until somebody has restored it.
   */
  async refresh(): Promise<void> {
    if (!this.#isOpen || !(await this.#isStillThere())) await this.#open()
    await this.#readOn()
  }

  covers(id: EntryId): boolean {
    return this.overlaps(id, id)
  }

  /** False: no entry of these ids was ever committed. */
  overlaps(first: EntryId, last: EntryId): boolean {
    return this.#runs.overlaps(first, last)
  }

  /** The committed ranges that end at an id or behind it, in order. */
  committedFrom(id: EntryId): readonly IdRange[] {
    const { runs } = this.#runs
    let start = runs.length
    // From the newest on: what is asked for is most of the time behind all of them.
    while (start > 0 && compareIds(runs[start - 1]?.[1] ?? id, id) >= 0) start -= 1
    return runs.slice(start).map(([from, to]) => ({ from, to }))
  }

  async #open(): Promise<void> {
    const { number, runs } = await readCheckpoint(this.#files)
    await checkNames(this.#files, 0)
    this.#newest = number === 0 ? undefined : await readRecord(this.#files, number)
    this.#runs = new RunIndex(runs)
    this.#isOpen = true
  }

  async #readOn(): Promise<void> {
    for (const record of await readRecordsAfter(this.#files, this.#number)) {
      this.#checkPlace(record)
      for (const run of record.runs) this.#runs.add(run)
      this.#newest = record
    }
    await checkNames(this.#files, this.#number)
  }

  #checkPlace({ number, stream }: CommitRecord): void {
    const next = this.#number + 1
    if (number === next && stream === this.#files.stream) return
    throw unreadable(`Record ${next} of ${this.#files.stream} says that it is ${number} of ${stream}.`)
  }

  /** False where the log was put back to an older state. */
  async #isStillThere(): Promise<boolean> {
    const { disk, root, stream } = this.#files
    return this.#number === 0 || (await disk.size(join(root, recordPath(stream, this.#number)))) !== undefined
  }

  get #number(): number {
    return this.#newest?.number ?? 0
  }
}

/**
 * Refuses a log with a hole behind a number. Only names are read: a second for 500,000 records, and 5 ms for the
 * newest folder alone, which is all that a later look needs (measured).
 */
async function checkNames({ disk, root, stream }: LogFiles, number: number): Promise<void> {
  const oldest = Number(basename(recordFolder(stream, number + 1)))
  const folders = (await disk.list(join(root, logFolder(stream)))).filter(
    name => /^\d{4,}$/.test(name) && Number(name) >= oldest,
  )
  const there = new Set<number>()
  for (const folder of folders) {
    for (const name of await disk.list(join(root, logFolder(stream), folder))) {
      const found = numberOfRecord(name)
      if (found !== undefined && found > number) there.add(found)
    }
  }
  for (let next = number + 1; next <= number + there.size; next += 1) {
    // A folder that is listed while records come may show a later one and not the one before it.
    if (there.has(next) || (await disk.size(join(root, recordPath(stream, next)))) !== undefined) continue
    throw unreadable(`Record ${next} of ${stream} is missing.`)
  }
}

function unreadable(fault: string): OperatingError {
  return new OperatingError(
    'unreadable-record',
    `${fault} bin/skydrain verify lists everything that is wrong.`,
  )
}
