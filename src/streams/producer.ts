import { OperatingError } from '../engine/errors.ts'
import type { EventSink } from '../flows/load-events.ts'
import { type EventType, perType } from '../records/event-type.ts'
import { connectRedis, type RedisAddress, whereIs } from './connect.ts'
import { redisError } from './redis-errors.ts'

/**
 * Puts events on the streams, in order. An XADD whose answer is lost is never sent again, since it may have
 * been done: the error says how many events are surely there and how many may be.
 */
export async function openProducer(
  address: RedisAddress,
  streams: Readonly<Record<EventType, string>>,
): Promise<EventSink> {
  const redis = await connectRedis(address)
  const added: Record<EventType, number> = { ...perType(() => 0) }
  return {
    add: async events => {
      const pipeline = redis.pipeline()
      for (const { type, data } of events) pipeline.xadd(streams[type], '*', 'data', data)
      const replies = (await pipeline.exec()) ?? []
      let failed: { error: Error; stream: string } | undefined
      let unknown = 0
      for (const [at, [error]] of replies.entries()) {
        const event = events[at]
        if (error === null && event !== undefined) added[event.type] += 1
        if (error !== null && event !== undefined) failed ??= { error, stream: streams[event.type] }
        if (error !== null && error.name !== 'ReplyError') unknown += 1
      }
      if (failed === undefined) return
      const cause = redisError(failed.error, whereIs(address), failed.stream)
      const sure = Object.values(added).reduce((sum, count) => sum + count, 0)
      throw new OperatingError(
        cause.code,
        `${cause.message} ${sure} events were put on the streams before that${unknown > 0 ? `, and ${unknown} more may have been` : ''}.`,
        { cause },
      )
    },
    added: () => ({ ...added }),
    close: async () => redis.disconnect(),
  }
}
