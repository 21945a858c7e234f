import type { EventType } from '../records/event-type.ts'
import type { EntryId, StreamEntry } from '../records/stream-entry.ts'

/** What a drain asks of Redis. */
export type StreamsPort = {
  /**
   * Opens a connection of its own to the stream of a type. It never reconnects: when it breaks, every call
   * fails from then on, so that no entry is deleted on another connection than the one that read it. After a
   * failover the same id may hold another event.
   */
  readonly connect: (type: EventType) => Promise<StreamConnection>
}

export type StreamConnection = {
  /**
   * The stream as it stands. Refuses, with a sentence, a key that is no stream, a stream of another dataset,
   * and a stream that another consumer group reads, since deleting would rob that group.
   */
  readonly inspect: () => Promise<StreamState>

  /**
   * Takes the stream for a run, whose ranges share it, or keeps it a little longer. Returns undefined, or the
   * run that has it where that is another one. It only saves work that two runs would both do: where Redis
   * takes no claim nobody waits, and a run that died has none.
   */
  readonly claim: (run: string) => Promise<string | undefined>

  /**
   * The entries from `from` to `to`, both included, in order, `count` at most; fewer where they are large,
   * and none where there are none left. Fails with `reply-too-large` where the reply passes its limit; the
   * next connection then asks for fewer.
   */
  readonly read: (range: IdRange, count: number) => Promise<readonly StreamEntry[]>

  /** XDELs entries, 1,000 ids a call. Returns how many were still there: less is no error, it may be done twice. */
  readonly deleteEntries: (ids: readonly EntryId[]) => Promise<number>

  /**
   * Moves the monitoring group behind the last deleted entry, and never back, so that XINFO and redis_exporter
   * show a true lag. Carries no work: returns the error instead of throwing it.
   */
  readonly moveGroup: (lastDeleted: EntryId) => Promise<Error | undefined>

  /** Gives the stream back, too. */
  readonly close: () => Promise<void>
}

/** Both ends belong to the range. */
export type IdRange = { readonly from: EntryId; readonly to: EntryId }

export type StreamState = {
  /** Its key in Redis. */
  readonly name: string
  readonly length: number
  /** The largest id the stream ever gave; 0-0 for a stream that is not there. */
  readonly lastGeneratedId: EntryId
}
