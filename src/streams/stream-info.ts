import type { Redis } from 'ioredis'

import { OperatingError, toError } from '../engine/errors.ts'
import { type EntryId, FIRST_ID } from '../records/stream-entry.ts'

export type StreamInfo = {
  readonly length: number
  readonly lastGeneratedId: EntryId
  /** How many entries the stream ever took. */
  readonly entriesAdded: number
  /** The oldest entry on the stream; undefined where there is none. */
  readonly firstId: EntryId | undefined
  /** The largest id that XDEL ever took off it; 0-0 before it took one. */
  readonly maxDeletedId: EntryId
}

/** XINFO STREAM. A stream that is not there is an empty one. Throws Redis' own errors, WRONGTYPE among them. */
export async function readStreamInfo(redis: Redis, stream: string): Promise<StreamInfo> {
  let reply: unknown
  try {
    reply = await redis.xinfo('STREAM', stream)
  } catch (error) {
    if (!toError(error).message.includes('no such key')) throw error
    return {
      length: 0,
      lastGeneratedId: FIRST_ID,
      entriesAdded: 0,
      firstId: undefined,
      maxDeletedId: FIRST_ID,
    }
  }
  const fields = pairsOf(reply)
  const first = fields.get('first-entry')
  return {
    length: numberOf(fields, 'length'),
    lastGeneratedId: String(fields.get('last-generated-id')),
    entriesAdded: numberOf(fields, 'entries-added'),
    firstId: Array.isArray(first) ? String(first[0]) : undefined,
    maxDeletedId: String(fields.get('max-deleted-entry-id') ?? FIRST_ID),
  }
}

export type GroupInfo = {
  readonly name: string
  readonly lastDeliveredId: EntryId
  /** Undefined where Redis has lost count. */
  readonly entriesRead: number | undefined
}

/** A stream's consumer groups; none where the stream is not there. */
export async function readGroups(redis: Redis, stream: string): Promise<readonly GroupInfo[]> {
  try {
    const groups: unknown = await redis.xinfo('GROUPS', stream)
    return Array.isArray(groups) ? groups.map(groupOf) : []
  } catch (error) {
    if (!toError(error).message.includes('no such key')) throw error
    return []
  }
}

function groupOf(reply: unknown): GroupInfo {
  const fields = pairsOf(reply)
  const read = fields.get('entries-read')
  return {
    name: String(fields.get('name')),
    lastDeliveredId: String(fields.get('last-delivered-id')),
    entriesRead: typeof read === 'number' ? read : undefined,
  }
}

/** A RESP2 map: names and values by turns. */
function pairsOf(reply: unknown): ReadonlyMap<string, unknown> {
  if (!Array.isArray(reply)) throw new Error(`XINFO answered with ${typeof reply} instead of a list`)
  const pairs = new Map<string, unknown>()
  for (let at = 0; at < reply.length; at += 2) pairs.set(String(reply[at]), reply[at + 1])
  return pairs
}

/** Redis before 7.0 has no entries-added: the error says so instead of counting with NaN. */
function numberOf(fields: ReadonlyMap<string, unknown>, name: string): number {
  const value = fields.get(name)
  if (typeof value === 'number') return value
  throw new OperatingError(
    'redis-too-old',
    `XINFO STREAM of this Redis gives no ${name}. Skydrain needs Redis 7.0 or newer: upgrade it.`,
  )
}
