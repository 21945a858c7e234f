import { OperatingError } from '../engine/errors.ts'
import { connectRedis, type RedisAddress, whereIs } from './connect.ts'
import { redisError } from './redis-errors.ts'

/** Beside the keys of the queue, and in their slot. */
const OWNER_KEY = '{skydrain}:dataset'

/**
 * Refuses a server that a queue cannot be on: one that may evict its keys, and one whose queue belongs to
 * another dataset, since workers of both would take each other's runs. Throws `redis-unreachable` or
 * `redis-refused` where it cannot be asked.
 */
export async function checkQueueServer(address: RedisAddress, datasetId: string | undefined): Promise<void> {
  const redis = await connectQueue(address)
  const where = whereIs(address)
  try {
    const policy = /^maxmemory_policy:(\S+)/m.exec(await redis.info('memory'))?.[1]
    if (policy !== undefined && policy !== 'noeviction') {
      throw new OperatingError(
        'queue-evicts',
        `Redis at ${where} may evict the queue's keys (maxmemory-policy ${policy}). Set it to noeviction there, or set QUEUE_REDIS_URL to a server that has it.`,
      )
    }
    if (datasetId === undefined) return
    const owner = (await redis.set(OWNER_KEY, datasetId, 'NX', 'GET')) ?? datasetId
    if (owner !== datasetId) {
      throw new OperatingError(
        'foreign-queue',
        `The queue in Redis at ${where} is of another dataset (${owner}; DATA_DIR holds ${datasetId}). Set DATA_DIR to that dataset, QUEUE_REDIS_URL to another server, or delete the key ${OWNER_KEY} when that dataset is gone for good.`,
      )
    }
  } catch (error) {
    // A full Redis refuses to be marked; that it is full is told by those who need room in it.
    const known = redisError(error, where)
    if (known.code !== 'redis-full') throw known
  } finally {
    redis.disconnect()
  }
}

/** Throws `redis-full` where the queue's Redis is at its limit: BullMQ then does nothing, though it is connected. */
export async function checkQueueTakesWrites(address: RedisAddress): Promise<void> {
  const redis = await connectQueue(address)
  try {
    await redis.set('{skydrain}:probe', Date.now(), 'PX', 60_000)
  } catch (thrown) {
    const error = redisError(thrown, whereIs(address))
    if (error.code !== 'redis-full') throw error
    throw new OperatingError(
      'redis-full',
      `The queue's Redis at ${whereIs(address)} is full and refuses writes (OOM). Raise its maxmemory.`,
      { cause: thrown },
    )
  } finally {
    redis.disconnect()
  }
}

/** As connectRedis; its errors name the queue's variable. */
async function connectQueue(address: RedisAddress): Promise<Awaited<ReturnType<typeof connectRedis>>> {
  try {
    return await connectRedis(address)
  } catch (cause) {
    if (!(cause instanceof OperatingError)) throw cause
    throw new OperatingError(cause.code, cause.message.replace('set REDIS_URL', 'set QUEUE_REDIS_URL'), {
      cause,
    })
  }
}
