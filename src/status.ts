import type { Config } from './config.ts'
import type { CommitRecord } from './dataset/commit-record.ts'
import { readDataset } from './dataset/dataset.ts'
import { nodeDisk } from './dataset/disk.ts'
import { readSoundLog } from './dataset/read-log.ts'
import { redisAddress, streamNames } from './drain-parts.ts'
import { type EventType, eventTypes } from './records/event-type.ts'
import { compareIds, type EntryId, FIRST_ID } from './records/stream-entry.ts'
import { readStreamStatus } from './streams/stream-status.ts'

export type Status = {
  /** False when an entry has waited for longer than three of the five-minute runs. */
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
  /** Workers that are registered. None are before there is a server to register with. */
  readonly workers: number
}

export type LastRun = { readonly run_id: string; readonly committed_at: string }

const UNHEALTHY_AFTER_SECONDS = 15 * 60

/** Reads what anyone would look at first. Throws where Redis does not answer or the log cannot be read. */
export async function readStatus(config: Config, now: number): Promise<Status> {
  const names = streamNames(config)
  const dataset = await readDataset(nodeDisk, config.dataDir)
  let newest: CommitRecord | undefined
  const streams = []
  for (const type of eventTypes) {
    const stream = names[type]
    const { records } =
      dataset === undefined
        ? { records: [] }
        : await readSoundLog({ disk: nodeDisk, root: config.dataDir, stream: dataset.streams[type] })
    const last = records.at(-1)
    if (last !== undefined && (newest === undefined || last.time > newest.time)) newest = last
    streams.push({ type, stream, lastCommitted: lastId(records) })
  }
  const found = await readStreamStatus(redisAddress(config), streams, now)
  return {
    healthy: found.every(({ oldestAgeSeconds = 0 }) => oldestAgeSeconds < UNHEALTHY_AFTER_SECONDS),
    streams: found.map(({ type, stream, info, pending, oldestAgeSeconds }) => ({
      type,
      stream,
      length: info.length,
      pending,
      oldest_age_seconds: oldestAgeSeconds ?? null,
    })),
    last_run: newest === undefined ? null : { run_id: newest.run, committed_at: newest.time },
    workers: 0,
  }
}

function lastId(records: readonly CommitRecord[]): EntryId {
  const ends = records.flatMap(record => record.runs.map(([, last]) => last))
  return ends.reduce((max, end) => (compareIds(end, max) > 0 ? end : max), FIRST_ID)
}
