import type { Config } from './config.ts'
import { type Dataset, readDataset } from './dataset/dataset.ts'
import { nodeDisk } from './dataset/disk.ts'
import { LogFollower } from './dataset/log-follower.ts'
import { redisAddress, streamNames } from './drain-parts.ts'
import { timeAfter } from './engine/cron.ts'
import { type EventType, eventTypes, perType } from './records/event-type.ts'
import { openStreamReader, type StreamStatus } from './streams/stream-status.ts'

/** What Redis and the commit logs tell. */
export type StreamsStatus = {
  /** False when an entry has waited while three times of the schedule have passed. */
  readonly healthy: boolean
  /** In the order of the types. */
  readonly streams: readonly StreamStatus[]
  /** The run of the newest commit; undefined for a dataset without one. `time` is ISO 8601, UTC. */
  readonly lastCommit: { readonly runId: string; readonly time: string } | undefined
}

export type OpenStatus = {
  /**
   * Reads what came since the last time, over one connection: cheap enough for every scrape of metrics. Throws
   * where Redis does not answer or the log cannot be read; the next call begins anew. Reads at the same time are
   * one, of the first one's time.
   */
  readonly read: (now: number) => Promise<StreamsStatus>
  readonly close: () => Promise<void>
}

export type Status = {
  readonly healthy: boolean
  readonly streams: readonly {
    readonly type: EventType
    readonly stream: string
    readonly length: number
    /** Entries that are in the dataset and not yet deleted from the stream. */
    readonly pending: number
    readonly oldest_age_seconds: number | null
  }[]
  /** The run of the newest commit; null for a dataset without one. */
  readonly last_run: LastRun | null
}

export type LastRun = { readonly run_id: string; readonly committed_at: string }

const TIMES_MISSED_MAX = 3

/** Reads once what anyone would look at first. Throws where Redis does not answer or the log cannot be read. */
export async function readStatus(config: Config, now: number): Promise<Status> {
  const status = openStatus(config)
  try {
    const { healthy, streams, lastCommit } = await status.read(now)
    return {
      healthy,
      streams: streams.map(({ oldestAgeSeconds, ...it }) => ({
        ...it,
        oldest_age_seconds: oldestAgeSeconds ?? null,
      })),
      last_run: lastCommit === undefined ? null : { run_id: lastCommit.runId, committed_at: lastCommit.time },
    }
  } finally {
    await status.close()
  }
}

/** Opens nothing before it is read, so that Redis may still be away. */
export function openStatus(config: Config): OpenStatus {
  const names = streamNames(config)
  const logs = followLogs(config.dataDir)
  const reader = openStreamReader(redisAddress(config))
  const read = async (now: number): Promise<StreamsStatus> => {
    const followers = await logs.refresh()
    const asked = eventTypes.map(type => ({
      type,
      stream: names[type],
      committedFrom: (id: string) => followers?.[type].committedFrom(id) ?? [],
    }))
    const streams = await reader.read(asked, now)
    return {
      healthy: streams.every(
        ({ oldestAgeSeconds = 0 }) =>
          now < timeAfter(config.schedule, now - oldestAgeSeconds * 1000, TIMES_MISSED_MAX),
      ),
      streams,
      lastCommit: followers && newestOf(followers),
    }
  }
  // Who asks while a read goes on is given the same one: a Redis that hangs is not asked by more and more.
  let reading: Promise<StreamsStatus> | undefined
  return {
    read: now => {
      reading ??= read(now).finally(() => {
        reading = undefined
      })
      return reading
    },
    close: async () => {
      reader.close()
      await reading?.catch(() => undefined)
    },
  }
}

type Followers = Readonly<Record<EventType, LogFollower>>

/** The logs of the dataset in a folder, which may be made, or put in another's place, while it is looked at. */
function followLogs(dataDir: string): { readonly refresh: () => Promise<Followers | undefined> } {
  let known: { readonly dataset: Dataset; readonly followers: Followers } | undefined
  return {
    refresh: async () => {
      const dataset = await readDataset(nodeDisk, dataDir)
      if (dataset === undefined) return undefined
      if (known?.dataset.id !== dataset.id) known = { dataset, followers: followersOf(dataset) }
      for (const type of eventTypes) await known.followers[type].refresh()
      return known.followers
    },
  }
}

function followersOf({ folder, streams }: Dataset): Followers {
  return perType(type => new LogFollower({ disk: nodeDisk, root: folder, stream: streams[type] }))
}

function newestOf(followers: Followers): StreamsStatus['lastCommit'] {
  let last: StreamsStatus['lastCommit']
  for (const type of eventTypes) {
    const { newest } = followers[type]
    if (newest !== undefined && (last === undefined || newest.time > last.time)) {
      last = { runId: newest.run, time: newest.time }
    }
  }
  return last
}
