import { isEntryId } from '../records/stream-entry.ts'
import { connectRedis, type RedisAddress } from './connect.ts'

const KEY = '{skydrain}:told'

/**
 * Up to which event of the runs people have been told, kept in the queue's Redis: so that a server that starts
 * again does not tell them twice, nor leaves out what happened while none was there.
 */
export type ToldCursor = {
  /** The id of the last event that was told; undefined where there is none, or Redis cannot be asked. */
  readonly read: () => Promise<string | undefined>
  /** Best effort: where it fails, the next one takes its place. */
  readonly write: (id: string) => Promise<void>
}

export function toldCursor(address: RedisAddress): ToldCursor {
  const asked = async (command: 'get' | 'set', id = ''): Promise<string | undefined> => {
    try {
      const redis = await connectRedis(address)
      try {
        return (command === 'get' ? await redis.get(KEY) : await redis.set(KEY, id)) ?? undefined
      } finally {
        redis.disconnect()
      }
    } catch {
      return undefined
    }
  }
  return {
    read: async () => {
      const id = await asked('get')
      return id !== undefined && isEntryId(id) ? id : undefined
    },
    write: async id => {
      await asked('set', id)
    },
  }
}
