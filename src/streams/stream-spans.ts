import type { StreamSpan } from '../flows/plan-ranges.ts'
import { type EventType, eventTypes, perType } from '../records/event-type.ts'
import { FIRST_ID } from '../records/stream-entry.ts'
import { connectRedis, type RedisAddress, whereIs } from './connect.ts'
import { redisError } from './redis-errors.ts'
import { readStreamInfo } from './stream-info.ts'

const NOTHING: StreamSpan = { length: 0, lastId: FIRST_ID }

/**
 * How long each stream is and from which id to which it reaches. A key that is no stream counts as an empty one:
 * its drain will say so. Throws `redis-unreachable` or `redis-refused`.
 */
export async function readStreamSpans(
  address: RedisAddress,
  streams: Readonly<Record<EventType, string>>,
): Promise<Readonly<Record<EventType, StreamSpan>>> {
  const redis = await connectRedis(address)
  try {
    const found = await Promise.all(
      eventTypes.map(async type => {
        try {
          const { length, firstId, lastGeneratedId } = await readStreamInfo(redis, streams[type])
          return { length, lastId: lastGeneratedId, ...(firstId !== undefined && { firstId }) }
        } catch (thrown) {
          const error = redisError(thrown, whereIs(address), streams[type])
          if (error.code === 'wrong-key-type') return NOTHING
          throw error
        }
      }),
    )
    return perType(type => found[eventTypes.indexOf(type)] ?? NOTHING)
  } finally {
    redis.disconnect()
  }
}
