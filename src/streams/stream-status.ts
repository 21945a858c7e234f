import type { Redis } from 'ioredis'

import type { IdRange } from '../flows/streams-port.ts'
import type { EventType } from '../records/event-type.ts'
import { type EntryId, millisecondsOf } from '../records/stream-entry.ts'
import { connectRedis, type RedisAddress, whereIs } from './connect.ts'
import { countInRanges } from './count-in-ranges.ts'
import { redisError } from './redis-errors.ts'
import { readStreamInfo } from './stream-info.ts'
import { within } from './within.ts'

export type StreamStatus = {
  readonly type: EventType
  readonly stream: string
  readonly length: number
  /** Entries that are in the dataset and not yet deleted, counted to 10,000 at most. */
  readonly pending: number
  /** How long the oldest entry has waited, by its id; undefined for an empty stream. Never negative. */
  readonly oldestAgeSeconds: number | undefined
}

export type AskedStream = {
  readonly type: EventType
  readonly stream: string
  /** The ranges that are committed and end at an id or behind it, in order. */
  readonly committedFrom: (id: EntryId) => readonly IdRange[]
}

export type StreamReader = {
  /**
   * How full each stream is, how old, and what of it is committed. Throws `redis-unreachable` and the like, the
   * first also when it was closed meanwhile.
   */
  readonly read: (streams: readonly AskedStream[], now: number) => Promise<readonly StreamStatus[]>
  readonly close: () => void
}

/** Whoever looks at streams wants to know soon that Redis hangs. */
const READ_WITHIN_MS = 10_000

/** Connects when it is first asked. What was lost is connected anew by the next read. */
export function openStreamReader(address: RedisAddress): StreamReader {
  const closed = new AbortController()
  let redis: Redis | undefined
  const disconnect = () => {
    if (redis !== undefined && redis.status !== 'end') redis.disconnect()
    redis = undefined
  }
  return {
    read: async (streams, now) => {
      try {
        if (redis?.status !== 'ready') redis = await connectRedis(address, closed.signal)
        const connected = redis
        const found = Promise.all(streams.map(asked => statusOf(connected, address, asked, now)))
        return await within(READ_WITHIN_MS, found, closed.signal)
      } catch (error) {
        disconnect()
        throw redisError(error, whereIs(address))
      }
    },
    close: () => {
      closed.abort()
      disconnect()
    },
  }
}

async function statusOf(
  redis: Redis,
  address: RedisAddress,
  { type, stream, committedFrom }: AskedStream,
  now: number,
): Promise<StreamStatus> {
  try {
    const { length, firstId } = await readStreamInfo(redis, stream)
    if (firstId === undefined) return { type, stream, length, pending: 0, oldestAgeSeconds: undefined }
    const oldestAgeSeconds = Math.max(0, (now - millisecondsOf(firstId)) / 1000)
    const pending = await countInRanges(redis, stream, firstId, committedFrom(firstId))
    return { type, stream, length, pending, oldestAgeSeconds }
  } catch (error) {
    throw redisError(error, whereIs(address), stream)
  }
}
