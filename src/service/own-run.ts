import { randomUUID } from 'node:crypto'

import type { Config } from '../config.ts'
import { queueAddress } from '../drain-parts.ts'
import { runHere } from '../engine/run-here.ts'
import { DATA_WRITER, type DataWriter, dataWriterParams } from '../flows/data-writer.ts'
import type { Log } from '../log.ts'
import { checkQueueTakesWrites } from '../streams/queue-server.ts'
import type { RunEvents } from '../streams/run-events.ts'
import { endEventOf } from '../workers/run-jobs.ts'

/** A run in this process that no queue knows of. Its events are delivered when the queue is back. */
export async function runUnqueued(
  flow: DataWriter,
  {
    name,
    events,
    log,
    signal,
  }: {
    readonly name: string
    readonly events: Pick<RunEvents, 'emit'>
    readonly log: Log
    readonly signal: AbortSignal
  },
): Promise<void> {
  const runId = randomUUID()
  const time = new Date().toISOString()
  const known = { worker: name, isUnqueued: true } as const
  events.emit({ runId, flow: DATA_WRITER, state: 'Running', time, waitedMs: 0, ...known })
  const run = await runHere(flow, dataWriterParams.parse({}), { log, signal, runId })
  events.emit({ ...endEventOf(DATA_WRITER, run), ...known })
}

/**
 * When anything was last told of a run of the queue's, in milliseconds since 1970; undefined where nothing ever was. Throws where
 * the queue is away, or full: nothing can be queued then.
 */
export async function newestRun(
  config: Config,
  events: Pick<RunEvents, 'latest'>,
): Promise<number | undefined> {
  await checkQueueTakesWrites(queueAddress(config))
  const newest = (await events.latest(EVENTS_LOOKED_AT)).find(({ event }) => !event.isUnqueued)
  // A worker's clock may be ahead of this one.
  return newest === undefined ? undefined : Math.min(Date.now(), Date.parse(newest.event.time))
}

/** Of a long outage only runs past the queue are told; those before it are of no interest then. */
const EVENTS_LOOKED_AT = 50
