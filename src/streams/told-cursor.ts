import type { Redis } from 'ioredis'

import { isEntryId } from '../records/stream-entry.ts'
import { connectRedis, type RedisAddress } from './connect.ts'

const KEY = '{skydrain}:told'

/** Longer than two servers can be apart in what they follow. */
const CLAIMED_SECONDS = 3_600

/**
 * Which events of runs people have been told of, kept in the queue's Redis: so that a server that starts again does
 * not tell them twice nor leave out what happened while none was there, and that of two servers one tells.
 */
export type ToldCursor = {
  /** The id of the last event that was told; undefined where there is none, or Redis cannot be asked. */
  readonly read: () => Promise<string | undefined>
  /** Whether it is for this server to tell the event. Yes where Redis cannot be asked: better twice than never. */
  readonly claim: (id: string) => Promise<boolean>
}

export function toldCursor(address: RedisAddress): ToldCursor {
  return {
    read: async () => {
      const id = await asked(address, redis => redis.get(KEY))
      return id && isEntryId(id) ? id : undefined
    },
    claim: async id => {
      const claimed = await asked(address, async redis => {
        const reply = await redis.set(`${KEY}:${id}`, '1', 'EX', CLAIMED_SECONDS, 'NX')
        await redis.set(KEY, id)
        return reply === 'OK'
      })
      return claimed ?? true
    },
  }
}

/** Undefined where Redis is away, full, or refuses. */
async function asked<Reply>(
  address: RedisAddress,
  ask: (redis: Redis) => Promise<Reply>,
): Promise<Reply | undefined> {
  try {
    const redis = await connectRedis(address)
    try {
      return await ask(redis)
    } finally {
      redis.disconnect()
    }
  } catch {
    return undefined
  }
}
