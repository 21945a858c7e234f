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
  events.emit({ runId, flow: DATA_WRITER, state: 'Running', time, worker: name, waitedMs: 0 })
  const run = await runHere(flow, dataWriterParams.parse({}), { log, signal, runId })
  events.emit({ ...endEventOf(DATA_WRITER, run), worker: name })
}

/**
 * When anything was last told of a run, in milliseconds since 1970; undefined where nothing ever was. Throws where
 * the queue is away, or full: nothing can be queued then.
 */
export async function newestRun(
  config: Config,
  events: Pick<RunEvents, 'latest'>,
): Promise<number | undefined> {
  await checkQueueTakesWrites(queueAddress(config))
  const [newest] = await events.latest(1)
  return newest === undefined ? undefined : Date.parse(newest.event.time)
}
