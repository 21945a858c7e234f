import type { Redis } from 'ioredis'

import { compareIds, type EntryId, FIRST_ID } from '../records/stream-entry.ts'
import { connectRedis } from './connect.ts'
import { Outage, type OutageOptions } from './outage.ts'
import { readStreamInfo } from './stream-info.ts'
import { within } from './within.ts'

export type RawEntry = readonly [id: EntryId, fields: readonly string[]]

export type ReaderOptions = OutageOptions & {
  /** The entry behind which reading begins; '0' for the whole stream. */
  readonly from: string
  readonly signal: AbortSignal
}

/** After so long without a new entry the stream is looked at: it may have begun anew. */
const BLOCK_MS = 1_000

/** An answer that is not there by then is lost, and the connection with it, whatever the socket says. */
const ANSWER_WITHIN_MS = BLOCK_MS + 2_000

const ENTRIES_PER_READ = 100

/**
 * The entries of a stream from its beginning on, then each new one, over one connection, and a new one whenever
 * that is lost. Ends when the signal is aborted, and only then.
 */
export async function* entriesFrom(options: ReaderOptions): AsyncGenerator<RawEntry> {
  const { address, key, from, signal } = options
  const place = new Place(from)
  const outage = new Outage(options)
  while (!signal.aborted) {
    let redis: Redis | undefined
    try {
      redis = await connectRedis(address, signal)
      for (let entries: readonly RawEntry[] = []; ; ) {
        if (entries.length === 0) await place.check(redis, key, signal)
        entries = await readBehind(redis, key, place.id, signal)
        outage.over()
        for (const entry of entries) {
          if (signal.aborted) return
          yield entry
          place.id = entry[0]
        }
      }
    } catch (error) {
      await outage.wait(error, signal)
    } finally {
      if (redis !== undefined && redis.status !== 'end') redis.disconnect()
    }
  }
}

/** Waits for the entries behind an id; none where none came in time. */
async function readBehind(
  redis: Redis,
  key: string,
  id: EntryId,
  signal: AbortSignal,
): Promise<readonly RawEntry[]> {
  const reading = redis.xread('COUNT', ENTRIES_PER_READ, 'BLOCK', BLOCK_MS, 'STREAMS', key, id)
  const reply = await within(ANSWER_WITHIN_MS, reading, signal)
  return reply?.[0]?.[1] ?? []
}

/** How far a stream has been read. */
class Place {
  id: EntryId
  #added = 0

  constructor(from: string) {
    this.id = from.includes('-') ? from : `${from}-0`
  }

  /**
   * A stream that was emptied begins anew. Its ids may be smaller than the last one read, where the server's
   * clock or the server is another one: then nothing would ever come behind that one. Read from its beginning,
   * it gives some entries twice at worst.
   */
  async check(redis: Redis, key: string, signal: AbortSignal): Promise<void> {
    const { lastGeneratedId, entriesAdded } = await within(
      ANSWER_WITHIN_MS,
      readStreamInfo(redis, key),
      signal,
    )
    if (entriesAdded < this.#added || compareIds(lastGeneratedId, this.id) < 0) this.id = FIRST_ID
    this.#added = entriesAdded
  }
}
