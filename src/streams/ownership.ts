import type { Redis } from 'ioredis'

import { OperatingError, toError } from '../engine/errors.ts'
import { readGroups } from './stream-info.ts'

/** Who may delete from a stream. */
export type Ownership = {
  readonly datasetId: string
  /** Our monitoring group. */
  readonly group: string
  /** True: drain although another group or dataset lives on the stream, and will miss what is deleted. */
  readonly allowOtherGroups: boolean
}

/**
 * Refuses a stream that somebody else lives on. Deleting is by XDEL, which takes an entry from every group,
 * and two datasets draining one stream would each hold a part of it.
 */
export async function checkOwnership(redis: Redis, stream: string, ownership: Ownership): Promise<void> {
  const { group, allowOtherGroups } = ownership
  if (allowOtherGroups) return
  const others = (await readGroups(redis, stream)).map(it => it.name).filter(name => name !== group)
  if (others.length > 0) {
    throw new OperatingError(
      'foreign-group',
      `The stream ${stream} has another consumer group, ${others.join(', ')}, which would lose the entries that skydrain deletes. Remove it with XGROUP DESTROY ${stream} ${others[0]} when nobody uses it, or set ALLOW_OTHER_GROUPS=true.`,
    )
  }
  const owner = await markOf(redis, stream, ownership.datasetId)
  if (owner !== ownership.datasetId) {
    throw new OperatingError(
      'foreign-dataset',
      `The stream ${stream} is drained into another dataset (${owner}; this one is ${ownership.datasetId}). Set DATA_DIR to that dataset, delete the key ${markKey(stream)} when that one is gone for good, or set ALLOW_OTHER_GROUPS=true.`,
    )
  }
}

/** The mark's owner; ours is set where there is none. The mark is a warning sign: no entry's fate hangs on it. */
async function markOf(redis: Redis, stream: string, datasetId: string): Promise<string> {
  const key = markKey(stream)
  const owner = await redis.get(key)
  if (owner !== null) return owner
  try {
    await redis.set(key, datasetId, 'NX')
  } catch (error) {
    // A full Redis refuses to set it, and must be drained all the more.
    if (!toError(error).message.startsWith('OOM')) throw error
    return datasetId
  }
  return (await redis.get(key)) ?? datasetId
}

function markKey(stream: string): string {
  return `${stream}:skydrain`
}
