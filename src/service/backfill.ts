import type { Config } from '../config.ts'
import { redisAddress, streamNames } from '../drain-parts.ts'
import type { Window } from '../flows/windows.ts'
import type { EventType } from '../records/event-type.ts'
import { redisStreams } from '../streams/redis-streams.ts'
import { type CountWatch, countWindows } from '../streams/window-counts.ts'

/** How many entries of each type the windows hold: for each type a number for each window. */
export type EntryCounts = ReadonlyMap<EventType, readonly number[]>

/** Counts what a backfill would find, without queue or dataset. Changes nothing. */
export async function countEntries(
  config: Config,
  { types, windows }: { readonly types: readonly EventType[]; readonly windows: readonly Window[] },
  { signal, onRead }: CountWatch,
): Promise<EntryCounts> {
  const { consumerGroup: group, allowOtherGroups } = config
  const streams = redisStreams({
    address: redisAddress(config),
    streams: streamNames(config),
    // Only who deletes is asked whose streams they are.
    ownership: { datasetId: '', group, allowOtherGroups },
  })
  const counts = new Map<EventType, readonly number[]>()
  let before = 0
  for (const type of types) {
    const watch = { signal, onRead: (entries: number) => onRead(before + entries) }
    const found = await countWindows(streams, { type, windows }, watch)
    counts.set(type, found)
    before += found.reduce((sum, count) => sum + count, 0)
  }
  return counts
}
