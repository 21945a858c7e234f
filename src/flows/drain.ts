import { setTimeout as sleep } from 'node:timers/promises'

import { OperatingError } from '../engine/errors.ts'
import { compareIds, type EntryId } from '../records/stream-entry.ts'
import type { DrainReport } from './drain-report.ts'
import type { DrainRequest, DrainSetting, DrainTools } from './drain-setting.ts'
import { type Staged, stageEntries } from './stage-entries.ts'
import type { IdRange, StreamState } from './streams-port.ts'

/** How often a run that waits for another looks again: a fraction of the shortest drain. */
const POLL_MS = 200

/**
 * Moves the entries of a range from a stream into the dataset, then deletes them from the stream. Whatever
 * crashes, each entry ends in the dataset exactly once; ARCHITECTURE.md, "Exactly once", says why each step
 * stands where it does. A whole stream, a window of it and a part of a long one are all this function, over
 * other ranges.
 *
 * What it has done is added to `report` step by step, so that it is right even when this throws: operating
 * errors of Redis and the disk, or the signal's reason.
 */
export async function drain(
  tools: DrainTools,
  { type, range, run, readUntil }: DrainRequest,
  report: DrainReport,
  signal: AbortSignal,
): Promise<void> {
  const log = await tools.dataset.openLog(type)
  await log.catchUp()
  await log.cleanUp(run)

  let isDone = false
  while (!isDone) {
    const connection = await tools.streams.connect(type)
    try {
      await drainConnected({ ...tools, log, connection, type, run, readUntil, report, signal }, range)
      isDone = true
    } catch (error) {
      // The next connection asks for fewer entries at a time.
      if (!(error instanceof OperatingError) || error.code !== 'reply-too-large') throw error
    } finally {
      await connection.close()
    }
  }
  await log.fold()
}

async function drainConnected(setting: DrainSetting, range: IdRange): Promise<void> {
  const { report, now, readUntil, signal } = setting
  let stream = await takeTurn(setting, await lookAt(setting))
  let rest: IdRange | undefined = { from: range.from, to: smallerId(range.to, stream.lastGeneratedId) }
  while (rest !== undefined && stream.length > 0 && now() < readUntil) {
    signal.throwIfAborted()
    rest = await drainOneCommit(setting, rest)
    if (rest !== undefined) stream = await takeTurn(setting, stream)
  }
  if (rest === undefined || stream.length === 0) report.finished()
}

async function lookAt({ connection, report }: DrainSetting): Promise<StreamState> {
  const stream = await connection.inspect()
  report.found(stream.length)
  return stream
}

/**
 * Claims the stream for the next commit. While another run has it, waits until that one is done, or time is over;
 * what that run leaves is drained here. Returns the stream as it is then.
 */
async function takeTurn(setting: DrainSetting, stream: StreamState): Promise<StreamState> {
  const { connection, log, type, run, now, readUntil, signal, warn } = setting
  let hasWaited = false
  while (stream.length > 0 && now() < readUntil) {
    const holder = await connection.claim(run)
    if (holder === undefined) break
    if (!hasWaited) warn(`${type}: run ${holder} is draining ${stream.name}; waiting for it`)
    hasWaited = true
    await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
  if (!hasWaited) return stream
  await log.catchUp()
  return await lookAt(setting)
}

/**
 * Reads, stages, commits and deletes up to one commit's worth from the start of a range. Returns what is left
 * of the range, undefined when nothing is.
 */
async function drainOneCommit(setting: DrainSetting, range: IdRange): Promise<IdRange | undefined> {
  const { log, connection, report, signal } = setting
  const attempt = await log.begin(setting.run)
  try {
    const staged = await stageEntries(setting, attempt, range)
    if (staged.ids.length > 0) {
      signal.throwIfAborted()
      const outcome = await attempt.commit()
      if (outcome.state === 'overtaken') return range
      report.committed(staged, outcome)
      tellCollisions(setting, staged)
      report.deleted(await connection.deleteEntries(staged.ids))
    }
    if (staged.last !== undefined) await tellGroup(setting, staged.last)
    return staged.rest
  } finally {
    await attempt.drop()
  }
}

async function tellGroup({ connection, type, warn }: DrainSetting, last: EntryId): Promise<void> {
  const error = await connection.moveGroup(last)
  if (error)
    warn(`the monitoring group of ${type} was not moved, its lag will read too high: ${error.message}`)
}

/** Told once, when the rows that hold them count. */
function tellCollisions({ report, type, warn }: DrainSetting, { collisions }: Staged): void {
  if (collisions.length === 0) return
  report.collisions(collisions.length)
  warn(
    `${collisions.length} ${type} carry an id that the dataset holds with other content (first ${collisions[0]}): Redis has been through a split brain. Both are kept.`,
  )
}

function smallerId(a: EntryId, b: EntryId): EntryId {
  return compareIds(a, b) <= 0 ? a : b
}
