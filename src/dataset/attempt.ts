import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import type { Attempt, CommitOutcome, StagedEntries } from '../flows/dataset-port.ts'
import type { ParquetPort, PartitionWriter } from '../flows/parquet-port.ts'
import type { EventType } from '../records/event-type.ts'
import { compareIds } from '../records/stream-entry.ts'
import { mergedIds, type Stretch, stretched } from './ascending-ids.ts'
import { type CommitRecord, type CommittedFile, RECORD_VERSION } from './commit-record.ts'
import { type Disk, makeFolderDurably } from './disk.ts'
import { attemptFolder } from './layout.ts'
import { checkedParquet, checkedRejected, writing } from './staged-files.ts'
import type { Draft, StreamLog } from './stream-log.ts'

export type AttemptTools = {
  readonly log: StreamLog
  readonly type: EventType
  readonly run: string
  readonly openParquet: () => Promise<ParquetPort>
  readonly now: () => number
}

/** What a `replace` takes away: it stands only while all of that is still in the dataset. */
export type Replaces = readonly string[]

/**
 * One try to stage and commit a range. Everything before the record is linked is rubbish when it fails;
 * everything after can be done again by anyone.
 */
export class StagingAttempt implements Attempt {
  readonly #tools: AttemptTools
  readonly #id = randomUUID()
  readonly #folder: string
  readonly #since: number
  #ids: Stretch | undefined
  #rejected: Stretch | undefined
  #writer: PartitionWriter | undefined
  #opened = false
  #linking = false

  constructor(tools: AttemptTools) {
    this.#tools = tools
    this.#folder = join(tools.log.files.root, attemptFolder(tools.log.files.stream, this.#id))
    this.#since = tools.log.number
  }

  async append({ rows, rejected }: StagedEntries): Promise<void> {
    if (rows.length === 0 && rejected.length === 0) return
    const ids = mergedIds(
      rows.map(row => String(row.stream_id)),
      rejected.map(({ id }) => id),
    )
    this.#ids = stretched(this.#ids, ids)
    await this.#openFolder()
    await this.#staging(async () => {
      if (rows.length > 0) {
        this.#writer ??= await this.#openWriter()
        await writing(this.#folder, this.#writer.append(rows))
      }
      if (rejected.length > 0) await this.#appendRejected(rejected)
    })
  }

  async commit(): Promise<CommitOutcome> {
    return await this.#commit('append', [], other => !this.#meets(other))
  }

  /** Commits as a `replace`. The caller has seen every replaced file live and published at `log.number`. */
  async replace(removes: Replaces): Promise<CommitOutcome> {
    await this.#openFolder()
    return await this.#commit('replace', removes, other => {
      return !this.#isAbort(other) && !other.removes.some(path => removes.includes(path))
    })
  }

  async drop(): Promise<void> {
    await this.#writer?.discard()
    if (!this.#opened || this.#linking) return
    await this.#disk.removeTree(this.#folder)
  }

  get #disk(): Disk {
    return this.#tools.log.files.disk
  }

  get #root(): string {
    return this.#tools.log.files.root
  }

  async #openFolder(): Promise<void> {
    if (this.#opened) return
    this.#opened = true
    await makeFolderDurably(this.#disk, this.#root, this.#folder)
  }

  async #openWriter(): Promise<PartitionWriter> {
    const { type, run, log, openParquet } = this.#tools
    const parquet = await openParquet()
    return await parquet.openWriter({ type, run, folder: this.#folder, stream: log.files.stream })
  }

  get #rejectedPath(): string {
    return join(this.#folder, 'rejected.ndjson')
  }

  async #appendRejected(rejected: StagedEntries['rejected']): Promise<void> {
    await this.#disk.appendFile(this.#rejectedPath, rejected.map(({ line }) => `${line}\n`).join(''))
    this.#rejected = stretched(
      this.#rejected,
      rejected.map(({ id }) => id),
    )
  }

  async #commit(
    kind: 'append' | 'replace',
    removes: Replaces,
    mayStand: (other: CommitRecord) => boolean,
  ): Promise<CommitOutcome> {
    const staged = await this.#staging(() => this.#stage())
    const draft = { ...staged, kind, removes, runs: kind === 'append' ? this.#runs() : [] }
    this.#linking = true
    if (!(await this.#tools.log.append(draft, this.#since, mayStand))) return { state: 'overtaken' }
    const bytes = draft.files.reduce((sum, file) => sum + file.bytes, 0)
    return { state: 'committed', files: draft.files.length, bytes }
  }

  /** Fails as `staging-gone` where a cleaner took the folder: whoever was asleep so long begins again. */
  async #staging<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (cause) {
      if ((await this.#disk.changedAt(this.#folder)) !== undefined) throw cause
      throw new OperatingError(
        'staging-gone',
        `The staging folder ${this.#folder} was taken for abandoned and removed. Its entries are read again.`,
        { cause },
      )
    }
  }

  /** Everything the record will name: written, fsynced, opened again and found whole. */
  async #stage(): Promise<Omit<Draft, 'kind' | 'removes' | 'runs'>> {
    const { type, run, log, now, openParquet } = this.#tools
    const place = { disk: this.#disk, root: this.#root, attempt: this.#id, type }
    const written = this.#writer === undefined ? [] : await writing(this.#folder, this.#writer.finish())
    const files: CommittedFile[] = []
    for (const file of written) files.push(await checkedParquet(place, file, await openParquet()))
    const lines = this.#rejected
    const rejected = lines === undefined ? null : await checkedRejected(place, this.#rejectedPath, lines)
    await this.#disk.syncFolder(this.#folder)
    return {
      version: RECORD_VERSION,
      attempt: this.#id,
      aborts: null,
      stream: log.files.stream,
      type,
      run,
      time: new Date(now()).toISOString(),
      files,
      rejected,
    }
  }

  #runs(): CommitRecord['runs'] {
    return this.#ids === undefined ? [] : [[this.#ids.first, this.#ids.last, this.#ids.count]]
  }

  #meets(other: CommitRecord): boolean {
    const ids = this.#ids
    if (this.#isAbort(other)) return true
    if (ids === undefined) return false
    return other.runs.some(
      ([first, last]) => compareIds(first, ids.last) <= 0 && compareIds(last, ids.first) >= 0,
    )
  }

  #isAbort(other: CommitRecord): boolean {
    return other.aborts === this.#id
  }
}
