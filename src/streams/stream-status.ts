import type { Redis } from 'ioredis'

import { type EventType, eventTypes, perType } from '../records/event-type.ts'
import { compareIds, type EntryId, millisecondsOf } from '../records/stream-entry.ts'
import { connectRedis, type RedisAddress, whereIs } from './connect.ts'
import { redisError } from './redis-errors.ts'
import { readStreamInfo, type StreamInfo } from './stream-info.ts'

export type StreamStatus = {
  readonly type: EventType
  readonly stream: string
  readonly info: StreamInfo
  /** Entries at or below the last committed id: read, and not yet deleted. Counted to 10,000 at most. */
  readonly pending: number
  /** How long the oldest entry has waited, by its id; undefined for an empty stream. Never negative. */
  readonly oldestAgeSeconds: number | undefined
}

const PENDING_COUNTED_MAX = 10_000

/**
 * How full each stream is, how old, and how much of it was committed up to `lastCommitted` and not yet deleted.
 * Throws `redis-unreachable` or `redis-refused`.
 */
export async function readStreamStatus(
  address: RedisAddress,
  streams: readonly { readonly type: EventType; readonly stream: string; readonly lastCommitted: EntryId }[],
  now: number,
): Promise<readonly StreamStatus[]> {
  const redis = await connectRedis(address)
  try {
    return await Promise.all(
      streams.map(async ({ type, stream, lastCommitted }) => {
        try {
          const info = await readStreamInfo(redis, stream)
          const age = info.firstId === undefined ? undefined : (now - millisecondsOf(info.firstId)) / 1000
          const pending = await countUpTo(redis, stream, info, lastCommitted)
          return { type, stream, info, pending, oldestAgeSeconds: age && Math.max(0, age) }
        } catch (error) {
          throw redisError(error, whereIs(address), stream)
        }
      }),
    )
  } finally {
    redis.disconnect()
  }
}

/** XLEN of each stream; 0 for a key that is no stream, whose drain will say so. Throws where Redis is not there. */
export async function readLengths(
  address: RedisAddress,
  streams: Readonly<Record<EventType, string>>,
): Promise<Readonly<Record<EventType, number>>> {
  const redis = await connectRedis(address)
  try {
    const pipeline = redis.pipeline()
    for (const type of eventTypes) pipeline.xlen(streams[type])
    const replies = (await pipeline.exec()) ?? []
    return perType(type => Number(replies[eventTypes.indexOf(type)]?.[1] ?? 0))
  } catch (error) {
    throw redisError(error, whereIs(address))
  } finally {
    redis.disconnect()
  }
}

/** Most of the time nothing is there, which the first id tells. */
async function countUpTo(
  redis: Redis,
  stream: string,
  { firstId }: StreamInfo,
  last: EntryId,
): Promise<number> {
  if (firstId === undefined || compareIds(firstId, last) > 0) return 0
  let count = 0
  for (let from = firstId; count < PENDING_COUNTED_MAX; ) {
    const page = await redis.xrange(stream, from, last, 'COUNT', 500)
    count += page.length
    const end = page.at(-1)?.[0]
    if (page.length < 500 || end === undefined) break
    from = `(${end}`
  }
  return count
}
