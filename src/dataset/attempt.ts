import { createHash, randomUUID } from 'node:crypto'
import { join, relative } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import type { Attempt, CommitOutcome, StagedEntries } from '../flows/dataset-port.ts'
import type { ParquetPort, PartitionFile, PartitionWriter } from '../flows/parquet-port.ts'
import type { EventType } from '../records/event-type.ts'
import { compareIds, type EntryId } from '../records/stream-entry.ts'
import { type CommitRecord, type CommittedFile, RECORD_VERSION, type StagedFile } from './commit-record.ts'
import { codeOf, type Disk, diskError, makeFolderDurably } from './disk.ts'
import { attemptFolder, fileName, REJECTED_FOLDER } from './layout.ts'
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
  readonly #rejected: { first: EntryId; last: EntryId; rows: number }[] = []
  #ids: { first: EntryId; last: EntryId; count: number } | undefined
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
    this.#takeIds(
      [...rows.map(row => String(row.stream_id)), ...rejected.map(({ id }) => id)].sort(compareIds),
    )
    await this.#openFolder()
    if (rows.length > 0) {
      this.#writer ??= await this.#openWriter()
      await this.#told(this.#writer.append(rows))
    }
    if (rejected.length > 0) await this.#appendRejected(rejected)
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

  /** The same entry twice, or out of order, is a fault of ours: it must not come to a commit. */
  #takeIds(ids: readonly EntryId[]): void {
    let last = this.#ids?.last
    for (const id of ids) {
      if (last !== undefined && compareIds(last, id) >= 0) {
        throw new Error(`entry ${id} came after ${last}: the ids of a commit must strictly increase`)
      }
      last = id
    }
    const first = this.#ids?.first ?? ids[0]
    if (first !== undefined && last !== undefined) {
      this.#ids = { first, last, count: (this.#ids?.count ?? 0) + ids.length }
    }
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
    const first = rejected[0]?.id
    const last = rejected.at(-1)?.id
    if (first && last) this.#rejected.push({ first, last, rows: rejected.length })
  }

  async #commit(
    kind: 'append' | 'replace',
    removes: Replaces,
    mayStand: (other: CommitRecord) => boolean,
  ): Promise<CommitOutcome> {
    const draft = { ...(await this.#stage()), kind, removes, runs: kind === 'append' ? this.#runs() : [] }
    this.#linking = true
    if (!(await this.#tools.log.append(draft, this.#since, mayStand))) return { state: 'overtaken' }
    const bytes = draft.files.reduce((sum, file) => sum + file.bytes, 0)
    return { state: 'committed', files: draft.files.length, bytes }
  }

  /** Everything the record will name: written, fsynced, opened again and found whole. */
  async #stage(): Promise<Omit<Draft, 'kind' | 'removes' | 'runs'>> {
    const { type, run, log, now } = this.#tools
    const written = this.#writer === undefined ? [] : await this.#told(this.#writer.finish())
    const files: CommittedFile[] = []
    for (const file of written) files.push(await this.#checked(file))
    const rejected = await this.#checkedRejected()
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

  async #checked({ path, partition, rows, firstId, lastId }: PartitionFile): Promise<CommittedFile> {
    await this.#disk.syncFile(path)
    const parquet = await this.#tools.openParquet()
    const footer = await parquet.readFooter(path)
    if (footer.rows !== rows) {
      throw new OperatingError(
        'file-damaged',
        `${path} was written with ${rows} rows and reads back with ${footer.rows}: the disk or the writer is at fault. Nothing was deleted from the stream; run again, with PARQUET_WRITER set to the other writer if it stays.`,
      )
    }
    const final = `${partition}/${fileName(firstId, lastId, this.#id)}.parquet`
    return { ...(await this.#describe(path, final, { first: firstId, last: lastId, rows })), partition }
  }

  async #checkedRejected(): Promise<StagedFile | null> {
    const first = this.#rejected[0]?.first
    const last = this.#rejected.at(-1)?.last
    if (first === undefined || last === undefined) return null
    await this.#disk.syncFile(this.#rejectedPath)
    const final = `${REJECTED_FOLDER}/${this.#tools.type}/${fileName(first, last, this.#id)}.ndjson`
    const rows = this.#rejected.reduce((sum, part) => sum + part.rows, 0)
    return await this.#describe(this.#rejectedPath, final, { first, last, rows })
  }

  async #describe(
    path: string,
    final: string,
    { first, last, rows }: { first: EntryId; last: EntryId; rows: number },
  ): Promise<StagedFile> {
    const content = await this.#disk.read(path)
    if (content === undefined) throw diskError(new Error('a staged file vanished'), path)
    return {
      path: final,
      staged: relative(this.#root, path).split('\\').join('/'),
      rows,
      bytes: content.length,
      checksum: createHash('sha256').update(content).digest('hex'),
      first,
      last,
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

  /** The writers know nothing of DATA_DIR: a full disk comes out of them as their own words. */
  async #told<Result>(call: Promise<Result>): Promise<Result> {
    try {
      return await call
    } catch (error) {
      if (error instanceof OperatingError) throw error
      if (
        codeOf(error) !== undefined ||
        /no space left|permission denied|I\/O error|read-only/i.test(String(error))
      ) {
        throw diskError(error, this.#folder)
      }
      throw error
    }
  }
}
