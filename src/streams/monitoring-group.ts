import { hostname } from 'node:os'

import type { Redis } from 'ioredis'

import { toError } from '../engine/errors.ts'
import type { EntryId } from '../records/stream-entry.ts'
import { readStreamInfo } from './stream-info.ts'

/**
 * Moves the group behind the last deleted entry, with ENTRIESREAD such that its lag is the stream's length.
 * The group carries no work: entries are read by XRANGE, and it is only there for XINFO, redis_exporter and
 * the dashboards that ask for a group's lag and consumers. So it is made anew where somebody destroyed it.
 */
export async function moveMonitoringGroup(
  redis: Redis,
  { stream, group, lastDeleted }: { stream: string; group: string; lastDeleted: EntryId },
): Promise<Error | undefined> {
  try {
    const { length, entriesAdded } = await readStreamInfo(redis, stream)
    const read = Math.max(0, entriesAdded - length)
    await setGroup(redis, [stream, group, lastDeleted, 'ENTRIESREAD', read])
    await redis.xgroup('CREATECONSUMER', stream, group, hostname())
    return undefined
  } catch (error) {
    return toError(error)
  }
}

async function setGroup(redis: Redis, words: readonly (string | number)[]): Promise<void> {
  try {
    await redis.call('XGROUP', 'SETID', ...words)
  } catch (error) {
    if (!toError(error).message.startsWith('NOGROUP')) throw error
    await redis.call('XGROUP', 'CREATE', ...words)
  }
}
