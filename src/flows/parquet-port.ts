import type { Row } from '../records/columns.ts'
import type { EventType } from '../records/event-type.ts'
import type { EntryId } from '../records/stream-entry.ts'

/** What the flows and the dataset ask of Parquet. Both writers keep this contract; one suite tests both. */
export type ParquetPort = {
  readonly writer: 'duckdb' | 'parquetjs'

  /** Opens a writer whose files all go into `folder`, which exists and belongs to this writer alone. */
  readonly openWriter: (options: WriterOptions) => Promise<PartitionWriter>

  /** The rows and metadata that a file's footer states. Throws where the file is no whole Parquet file. */
  readonly readFooter: (path: string) => Promise<Footer>

  /** A file's `stream_id` column, in the file's order. */
  readonly readIds: (path: string) => Promise<readonly EntryId[]>

  /** The rows whose `stream_id` is one of `ids`, or all rows, in the file's order. */
  readonly readRows: (path: string, type: EventType, ids?: readonly EntryId[]) => Promise<readonly Row[]>

  /** Frees what the port holds: a database instance, a thread. May be called twice. */
  readonly close: () => Promise<void>
}

export type WriterOptions = {
  readonly type: EventType
  readonly folder: string
  /** Written into each file's key-value metadata as skydrain.run and skydrain.stream. */
  readonly run: string
  readonly stream: string
}

/**
 * Writes rows of one type into one file per partition, the UTC hour of `event_time`. Since it may buffer, a
 * folder that is missing or full may only show in `finish`; after any error only `discard` may follow.
 */
export type PartitionWriter = {
  /** Takes rows in ascending `stream_id`. May buffer them, or write them out. */
  readonly append: (rows: readonly Row[]) => Promise<void>

  /**
   * Closes every file and returns them, by partition. They are whole, but not yet fsynced. Names do not end in
   * `.parquet`, so that no reader's glob sees them. No rows, no files.
   */
  readonly finish: () => Promise<readonly PartitionFile[]>

  /** Frees memory and handles without finishing; may leave files behind. After `finish` it does nothing. */
  readonly discard: () => Promise<void>
}

export type PartitionFile = {
  readonly path: string
  /** `year=2026/month=11/day=21/hour=22/type=posts` */
  readonly partition: string
  readonly rows: number
  /** The smallest and the largest `stream_id` of its rows. */
  readonly firstId: EntryId
  readonly lastId: EntryId
}

export type Footer = {
  readonly rows: number
  /** The key-value metadata: skydrain.run, .stream, .first_id, .last_id, .schema_version. */
  readonly metadata: Readonly<Record<string, string>>
}
