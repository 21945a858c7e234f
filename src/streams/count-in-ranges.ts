import type { Redis } from 'ioredis'

import type { IdRange } from '../flows/streams-port.ts'
import { compareIds, type EntryId, nextId } from '../records/stream-entry.ts'
import { ReadSize } from './read-size.ts'

const COUNTED_MAX = 10_000

/** The first read knows nothing of the entries' size, and must not bring gigabytes. */
const FIRST_READ = 10
const ENTRIES_PER_READ = 500

/** Enough to count so many entries in several ranges; a stream of any other form is not read to its end. */
const READS_MAX = 100

/**
 * How many entries of a stream, from its first one on, lie in the ranges; 10,000 at most. Most of the time there
 * is no range, since what is committed is deleted at once. What lies between two ranges is passed over.
 */
export async function countInRanges(
  redis: Redis,
  stream: string,
  first: EntryId,
  ranges: readonly IdRange[],
): Promise<number> {
  const walk = new Walk(ranges)
  const size = new ReadSize()
  const end = ranges.at(-1)?.to ?? first
  let count = 0
  let from = first
  for (let reads = 0; reads < READS_MAX && count < COUNTED_MAX; reads += 1) {
    const range = walk.to(from)
    if (range === undefined) break
    const start = compareIds(range.from, from) > 0 ? range.from : from
    const wanted = Math.min(reads === 0 ? FIRST_READ : ENTRIES_PER_READ, COUNTED_MAX - count)
    const entries = await redis.xrangeBuffer(stream, start, end, 'COUNT', size.count(wanted))
    const ids = entries.map(([id]) => id.toString('latin1'))
    const last = ids.at(-1)
    if (last === undefined) break
    count += ids.filter(id => walk.isIn(id)).length
    size.took(entries.length, bytesOf(entries))
    from = nextId(last)
  }
  return count
}

/** Goes along ranges with ids that ascend. */
class Walk {
  readonly #ranges: readonly IdRange[]
  #at = 0

  constructor(ranges: readonly IdRange[]) {
    this.#ranges = ranges
  }

  /** The range that an id lies in, or the next one behind it; undefined behind all of them. */
  to(id: EntryId): IdRange | undefined {
    let range = this.#ranges[this.#at]
    while (range !== undefined && compareIds(range.to, id) < 0) {
      this.#at += 1
      range = this.#ranges[this.#at]
    }
    return range
  }

  isIn(id: EntryId): boolean {
    const range = this.to(id)
    return range !== undefined && compareIds(range.from, id) <= 0
  }
}

function bytesOf(entries: readonly [id: Buffer, fields: Buffer[]][]): number {
  return entries.reduce((sum, [, fields]) => fields.reduce((all, field) => all + field.length, sum), 0)
}
