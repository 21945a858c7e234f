import type { Row } from '../records/columns.ts'
import type { EventType } from '../records/event-type.ts'
import type { EntryId, StreamEntry } from '../records/stream-entry.ts'
import type { ParquetPort } from './parquet-port.ts'

/** What a drain asks of the dataset on disk: one commit log per stream. ARCHITECTURE.md, "Exactly once". */
export type DatasetPort = {
  readonly openLog: (type: EventType) => Promise<CommitLog>
}

export type CommitLog = {
  /** Reads the records that came since, makes them durable and publishes their files. May be done twice. */
  readonly catchUp: () => Promise<void>

  /** Removes what crashed attempts left, each after an abort record has taken its place in the log. */
  readonly cleanUp: (run: string) => Promise<void>

  /**
   * Tells which of the entries, in ascending order, are in the dataset already. Most of the time an interval
   * compare answers; where ids overlap a commit, its files do, by id and content.
   */
  readonly settle: (entries: readonly StreamEntry[]) => Promise<Settled>

  /** Opens one try to stage and commit a range. */
  readonly begin: (run: string) => Promise<Attempt>

  /** Folds the log into its checkpoint where that has grown worth it. */
  readonly fold: () => Promise<void>
}

export type Settled = {
  /** Not in the dataset: to be written. */
  readonly fresh: readonly StreamEntry[]
  /** In the dataset, durable and published, with the same content: only to be deleted. */
  readonly known: readonly EntryId[]
  /** Those of `fresh` whose id stands in the dataset with other content: kept as rows of their own. */
  readonly collisions: readonly EntryId[]
}

export type Attempt = {
  /** Adds rows and rejected lines of entries whose ids ascend, over all calls. Refuses any other order. */
  readonly append: (staged: StagedEntries) => Promise<void>

  /**
   * Makes it count: encodes, fsyncs, checks, links the record, publishes. `overtaken` where another commit
   * took an id of this range, or an abort this attempt: nothing of it counts, and the range is read again.
   */
  readonly commit: () => Promise<CommitOutcome>

  /** Gives up. Removes the staging where no record of it can be in the log. May be called after `commit`. */
  readonly drop: () => Promise<void>
}

export type StagedEntries = {
  readonly rows: readonly Row[]
  /** Each line goes into the rejected file, and holds no newline. */
  readonly rejected: readonly { readonly id: EntryId; readonly line: string }[]
}

export type CommitOutcome =
  | { readonly state: 'committed'; readonly files: number; readonly bytes: number }
  | { readonly state: 'overtaken' }

/** Opens Parquet when it is first needed: an empty stream then never loads a writer. */
export type OpenParquet = () => Promise<ParquetPort>
