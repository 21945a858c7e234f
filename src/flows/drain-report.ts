import { z } from 'zod'

import { type RejectReason, rejectReasons } from '../records/row.ts'
import { type EntryId, millisecondsOf } from '../records/stream-entry.ts'

/** What a drain has done so far. read = written + rejected + duplicates, at any time. */
export type DrainCounts = {
  /** Entries that were read and are now in the dataset, by this drain or before it. */
  readonly read: number
  readonly written: number
  readonly rejected: number
  /** Entries that the dataset held already, from an earlier attempt or before Redis was rewound. */
  readonly duplicates: number
  /** Entries taken off the stream. */
  readonly deleted: number
  /** Parquet files. */
  readonly files: number
  /** Bytes of those files. */
  readonly bytes: number
  /** Entries whose id the dataset held with other content. */
  readonly collisions: number
  readonly rejectedBy: Readonly<Partial<Record<RejectReason, number>>>
  /** The stream's length when the drain began, or a range's share of it; 0 before it was asked. */
  readonly length: number
  /** Entries that are still to be drained; those of a window, at most. 0 once the drain came to its end. */
  readonly remaining: number
  /** Of those read, the ones that a worker which died had before it. */
  readonly claimed: number
  /** Entries of the newest read. */
  readonly batch: number
  /** When Redis took the newest entry that was committed: milliseconds since 1970; 0 before there is one. */
  readonly lastTime: number
}

const count = z.number().nonnegative()

export const drainCounts: z.ZodType<DrainCounts> = z.object({
  read: count,
  written: count,
  rejected: count,
  duplicates: count,
  deleted: count,
  files: count,
  bytes: count,
  collisions: count,
  rejectedBy: z.partialRecord(z.enum(rejectReasons), count),
  length: count,
  remaining: count,
  claimed: count,
  batch: count,
  lastTime: count,
})

export const noCounts: DrainCounts = {
  read: 0,
  written: 0,
  rejected: 0,
  duplicates: 0,
  deleted: 0,
  files: 0,
  bytes: 0,
  collisions: 0,
  rejectedBy: {},
  length: 0,
  remaining: 0,
  claimed: 0,
  batch: 0,
  lastTime: 0,
}

/** What a drain and its retry did together. */
export function addCounts(first: DrainCounts, second: DrainCounts): DrainCounts {
  const rejectedBy = { ...first.rejectedBy }
  for (const [reason, count] of Object.entries(second.rejectedBy) as [RejectReason, number][]) {
    rejectedBy[reason] = (rejectedBy[reason] ?? 0) + count
  }
  return {
    read: first.read + second.read,
    written: first.written + second.written,
    rejected: first.rejected + second.rejected,
    duplicates: first.duplicates + second.duplicates,
    deleted: first.deleted + second.deleted,
    files: first.files + second.files,
    bytes: first.bytes + second.bytes,
    collisions: first.collisions + second.collisions,
    rejectedBy,
    length: Math.max(first.length, second.length),
    remaining: second.remaining,
    claimed: first.claimed + second.claimed,
    batch: second.batch || first.batch,
    lastTime: Math.max(first.lastTime, second.lastTime),
  }
}

/** What the drains of two ranges of one stream did together. */
export function joinCounts(one: DrainCounts, other: DrainCounts): DrainCounts {
  return {
    ...addCounts(one, other),
    length: one.length + other.length,
    remaining: one.remaining + other.remaining,
  }
}

/** Adds up what a drain does, and tells each new sum. */
export class DrainReport {
  #counts: DrainCounts = noCounts
  #isFinished = false
  readonly #tell: (counts: DrainCounts) => void
  readonly #share: number

  /** `share`: which part of the stream's entries the range is to hold, where it is one of several. */
  constructor(tell: (counts: DrainCounts) => void = () => undefined, share = 1) {
    this.#tell = tell
    this.#share = share
  }

  get counts(): DrainCounts {
    return this.#counts
  }

  /** On a second connection the stream is shorter by what the first one settled. */
  found(length: number): void {
    this.#set({ length: Math.ceil(length * this.#share) + this.#counts.read })
  }

  /** The range is drained: what came after it began, or lies outside of it, is not this drain's. */
  finished(): void {
    this.#isFinished = true
    this.#set({})
  }

  batch(entries: number): void {
    if (entries > 0) this.#counts = { ...this.#counts, batch: entries }
  }

  committed(
    staged: {
      readonly rows: number
      readonly rejected: ReadonlyMap<RejectReason, number>
      readonly last?: EntryId | undefined
    },
    { files, bytes }: { readonly files: number; readonly bytes: number },
  ): void {
    const rejected = [...staged.rejected.values()].reduce((sum, count) => sum + count, 0)
    const lastTime = staged.last === undefined ? 0 : millisecondsOf(staged.last)
    const read = staged.rows + rejected
    const made = { ...noCounts, read, written: staged.rows, rejected, files, bytes, lastTime }
    const rejectedBy = Object.fromEntries(staged.rejected)
    this.#set(addCounts({ ...made, rejectedBy }, this.#counts))
  }

  duplicates(count: number, deleted: number): void {
    const before = this.#counts
    this.#set({
      read: before.read + count,
      duplicates: before.duplicates + count,
      deleted: before.deleted + deleted,
    })
  }

  collisions(count: number): void {
    this.#set({ collisions: this.#counts.collisions + count })
  }

  deleted(count: number): void {
    this.#set({ deleted: this.#counts.deleted + count })
  }

  #set(changed: Partial<DrainCounts>): void {
    const counts = { ...this.#counts, ...changed }
    // A range's share is an estimate: one that is not finished has something left.
    const least = this.#share < 1 && counts.length > 0 ? 1 : 0
    const left = Math.max(least, counts.length - counts.read)
    this.#counts = { ...counts, remaining: this.#isFinished ? 0 : left }
    this.#tell(this.#counts)
  }
}
