/** A reply aims at this many bytes: large enough that its round trip does not count, small beside 1 GB. */
const REPLY_BYTES_AIM = 16 * 1024 * 1024

/** A reply that passes this is cut off, and its range read again with fewer entries. */
export const REPLY_BYTES_MAX = 64 * 1024 * 1024

/** The first read of a stream whose entries' size nobody knows yet. */
const FIRST_COUNT = 100

/**
 * How many entries to ask for, so that a reply's size stays bounded whatever the entries' size. Redis has no
 * limit in bytes for XRANGE, so the size of the last entries must speak for the next ones; where it misleads,
 * the reply is cut. A cut sets a ceiling that only progress lifts: the same small entries are read again before
 * the large ones, and must not raise the count to where it was. A single entry is never cut.
 */
export class ReadSize {
  #limit = FIRST_COUNT
  #ceiling = Number.POSITIVE_INFINITY

  count(wanted: number): number {
    return Math.max(1, Math.min(wanted, this.#limit, this.#ceiling))
  }

  /** A reply of so many entries had so many bytes. The limit grows fourfold at most, since sizes differ. */
  took(entries: number, bytes: number): void {
    if (entries === 0) return
    const fitting = Math.floor(REPLY_BYTES_AIM / Math.max(1, bytes / entries))
    this.#limit = Math.max(1, Math.min(fitting, Math.max(this.#limit, entries) * 4))
  }

  /** A reply to so many entries was cut. */
  cut(count: number): void {
    this.#ceiling = Math.max(1, Math.floor(count / 8))
  }

  /** Entries were deleted: what was large may be behind. */
  progressed(): void {
    this.#ceiling *= 2
  }
}
