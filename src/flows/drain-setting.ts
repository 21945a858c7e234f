import type { EventType } from '../records/event-type.ts'
import type { CommitLog, DatasetPort } from './dataset-port.ts'
import type { DrainReport } from './drain-report.ts'
import type { IdRange, StreamConnection, StreamsPort } from './streams-port.ts'

export type DrainTools = {
  readonly streams: StreamsPort
  readonly dataset: DatasetPort
  readonly limits: DrainLimits
  /** Milliseconds; only ends commits and runs in time, decides nothing about entries. */
  readonly now: () => number
  readonly warn: (message: string) => void
}

export type DrainLimits = {
  readonly batchSize: number
  readonly fileRowsMax: number
  readonly entryBytesMax: number
}

export type DrainRequest = {
  readonly type: EventType
  readonly range: IdRange
  /** The range's share of the stream's entries, where it is one of several: 1 when not given. */
  readonly share?: number
  readonly run: string
  /** No entry is read after this time; what is in hand is still committed. */
  readonly readUntil: number
}

/** Everything that the commits of one drain have in common. */
export type DrainSetting = DrainTools &
  Omit<DrainRequest, 'range'> & {
    readonly log: CommitLog
    readonly connection: StreamConnection
    readonly report: DrainReport
    readonly signal: AbortSignal
  }
