import { hostname } from 'node:os'

import type { Redis } from 'ioredis'

import { toError } from '../engine/errors.ts'
import { compareIds, type EntryId, nextId } from '../records/stream-entry.ts'
import { readGroups, readStreamInfo, type StreamInfo } from './stream-info.ts'

/** Another range's worker may move the group in the same moment: whoever comes last finds it right, or sets it. */
const TRIES = 3

/**
 * Moves the group behind the last deleted entry, with ENTRIESREAD such that its lag is the stream's length.
 * Several ranges are drained side by side, so it never goes back: behind an entry that lies further on, and was
 * deleted, Redis tells no lag at all. The group carries no work: entries are read by XRANGE, and it is only
 * there for XINFO, redis_exporter and the dashboards that ask for a group's lag and consumers. So it is made
 * anew where somebody destroyed it.
 */
export async function moveMonitoringGroup(
  redis: Redis,
  { stream, group, lastDeleted }: { stream: string; group: string; lastDeleted: EntryId },
): Promise<Error | undefined> {
  try {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const [info, groups] = await Promise.all([readStreamInfo(redis, stream), readGroups(redis, stream)])
      const found = groups.find(it => it.name === group)
      const position = largest([found?.lastDeliveredId ?? lastDeleted, behindDeleted(info, lastDeleted)])
      const read = Math.max(0, info.entriesAdded - info.length)
      if (found?.lastDeliveredId === position && found.entriesRead === read) break
      const verb = found === undefined ? 'CREATE' : 'SETID'
      await redis.call('XGROUP', verb, stream, group, position, 'ENTRIESREAD', read).catch(unlessOvertaken)
    }
    await redis.xgroup('CREATECONSUMER', stream, group, hostname())
    return undefined
  } catch (error) {
    return toError(error)
  }
}

/**
 * Where no deleted entry lies ahead of the group. Redis 7.0 counts the one that the group stands on among them
 * as long as older entries are left, so that the group then stands right behind it.
 */
function behindDeleted({ firstId, maxDeletedId }: StreamInfo, lastDeleted: EntryId): EntryId {
  const last = largest([lastDeleted, maxDeletedId])
  return firstId === undefined || compareIds(firstId, last) > 0 ? last : nextId(last)
}

function largest([one, other]: readonly [EntryId, EntryId]): EntryId {
  return compareIds(one, other) >= 0 ? one : other
}

/** Somebody made the group, or destroyed it, in the same moment: it is looked at again. */
function unlessOvertaken(error: Error): void {
  if (!/^(BUSYGROUP|NOGROUP) /.test(error.message)) throw error
}
