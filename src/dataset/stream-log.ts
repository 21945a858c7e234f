import type { EntryId } from '../records/stream-entry.ts'
import type { CommitRecord, StagedFile } from './commit-record.ts'
import {
  checkGapless,
  type LogFiles,
  linkRecord,
  readCheckpoint,
  readRecord,
  readRecordsAfter,
  syncRecords,
  writeCheckpoint,
} from './log-files.ts'
import { filesOf, publish } from './publish.ts'
import { type Run, RunIndex } from './run-index.ts'

/** So many records behind the checkpoint are read at every start: 100 take a few milliseconds. */
const RECORDS_PER_CHECKPOINT = 100

/** A record before it has its number. */
export type Draft = Omit<CommitRecord, 'number'>

/**
 * The commit log of a stream as one process knows it: records up to `number` are read, durable and published.
 * Others append to the same log at the same time; what they did comes in with `catchUp`.
 */
export class StreamLog {
  readonly files: LogFiles
  readonly #runs: RunIndex
  /** The records since this log was opened: what an attempt must be checked against when it commits. */
  readonly #since: CommitRecord[] = []
  /** By path. Filled when it is first asked for, since it takes reading every record. */
  #live: Map<string, LiveFile> | undefined
  #number: number
  #folded: number

  private constructor(files: LogFiles, number: number, runs: readonly Run[]) {
    this.files = files
    this.#runs = new RunIndex(runs)
    this.#number = number
    this.#folded = number
  }

  static async open(files: LogFiles): Promise<StreamLog> {
    const { number, runs } = await readCheckpoint(files)
    await checkGapless(files, number)
    return new StreamLog(files, number, runs)
  }

  get number(): number {
    return this.#number
  }

  /** False: no entry of these ids was ever committed. True: the files must tell. */
  overlaps(first: EntryId, last: EntryId): boolean {
    return this.#runs.overlaps(first, last)
  }

  async catchUp(): Promise<void> {
    const records = await readRecordsAfter(this.files, this.#number)
    if (records.length === 0) return
    await syncRecords(this.files, records)
    for (const record of records) await this.#publishAndTake(record)
  }

  /**
   * Appends a record, or drops it: each record that another process decided since `since` is put to
   * `mayStand` first, and one refusal ends it. Afterwards the record is durable and its files are published.
   */
  async append(draft: Draft, since: number, mayStand: (other: CommitRecord) => boolean): Promise<boolean> {
    for (;;) {
      if (!this.#since.every(other => other.number <= since || mayStand(other))) return false
      const record = { ...draft, number: this.#number + 1 }
      if ((await linkRecord(this.files, record)) === 'linked') {
        await this.#publishAndTake(record)
        return true
      }
      await this.catchUp()
    }
  }

  /** The files that the log says are in the dataset, rejected ones included, as of the last `catchUp`. */
  async liveFiles(): Promise<readonly LiveFile[]> {
    if (this.#live === undefined) {
      await checkGapless(this.files, 0)
      const live = new Map<string, LiveFile>()
      for (let number = 1; number <= this.#number; number += 1) {
        const record = await readRecord(this.files, number)
        if (record !== undefined) applyFiles(live, record)
      }
      this.#live = live
    }
    return [...this.#live.values()]
  }

  async fold(): Promise<void> {
    if (this.#number - this.#folded < RECORDS_PER_CHECKPOINT) return
    await writeCheckpoint(this.files, { number: this.#number, runs: this.#runs.runs })
    this.#folded = this.#number
  }

  async #publishAndTake(record: CommitRecord): Promise<void> {
    await publish(this.files.disk, this.files.root, record, async path => {
      const later = await readRecordsAfter(this.files, record.number)
      return later.some(other => other.removes.includes(path))
    })
    for (const run of record.runs) this.#runs.add(run)
    if (this.#live !== undefined) applyFiles(this.#live, record)
    this.#since.push(record)
    this.#number = record.number
  }
}

export type LiveFile = StagedFile & { readonly rejected: boolean; readonly record: number }

/** Takes a record's files into the list of live ones, and those out that it removes. */
export function applyFiles(live: Map<string, LiveFile>, record: CommitRecord): void {
  for (const path of record.removes) live.delete(path)
  for (const file of filesOf(record)) {
    live.set(file.path, { ...file, rejected: file === record.rejected, record: record.number })
  }
}
