import type { EventType } from '../records/event-type.ts'
import type { CommitOutcome, StagedEntries } from './dataset-port.ts'

/** The rejected files of a dataset. */
export type RejectedPort = {
  readonly list: (type: EventType) => Promise<readonly RejectedFileInfo[]>

  /** The lines of a rejected file. `path` is one that `list` gave, or a part of its name that only one has. */
  readonly read: (path: string) => Promise<readonly string[]>

  /**
   * Commits rows and lines in the place of a rejected file. `overtaken` where that file is no longer in the
   * dataset: somebody else replayed it first.
   */
  readonly replace: (replaced: {
    readonly type: EventType
    readonly path: string
    readonly run: string
    readonly staged: StagedEntries
  }) => Promise<CommitOutcome>
}

export type RejectedFileInfo = {
  readonly type: EventType
  /** Relative to DATA_DIR. */
  readonly path: string
  readonly entries: number
  readonly bytes: number
}
