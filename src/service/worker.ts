import { hostname } from 'node:os'

import type { Config, Env } from '../config.ts'
import { openDataset } from '../dataset/dataset.ts'
import { nodeDisk } from '../dataset/disk.ts'
import { queueAddress, redisAddress, streamNames } from '../drain-parts.ts'
import { DrainPool } from '../drain-pool.ts'
import { carried } from '../engine/carried-flow.ts'
import { Closers } from '../engine/closers.ts'
import { dataWriter, type RunDrain } from '../flows/data-writer.ts'
import type { Log } from '../log.ts'
import { createWorkerMetrics } from '../metrics/worker-metrics.ts'
import type { HttpServer } from '../server/http.ts'
import { isAnyClaimed } from '../streams/run-claim.ts'
import { openRunEvents } from '../streams/run-events.ts'
import { readStreamSpans } from '../streams/stream-spans.ts'
import { type QueueWorker, startQueueWorker } from '../workers/queue-worker.ts'
import { startOwnClock } from './own-clock.ts'
import { newestRun, runUnqueued } from './own-run.ts'
import { withSoundQueue } from './sound-queue.ts'
import { listenAsWorker } from './worker-http.ts'

export type WorkerService = {
  readonly http: HttpServer
  /** Finishes or gives back what is in hand, and ends, within 10 seconds. */
  readonly close: () => Promise<void>
}

export type WorkerSetting = {
  readonly config: Config
  /** What the drain threads read their own configuration from. */
  readonly env: Env
  readonly log: Log
  readonly version: string
  readonly port: number
}

/** Of 10 seconds; the rest is for connections and threads to end. */
const HAND_OVER_MS = 7_000

/**
 * A worker: takes runs from the queue and does them in its threads; drains by its own clock where the queue is
 * away. Fails at once, with a sentence, where DATA_DIR or the buffer's Redis cannot be used, where the queue
 * belongs to another dataset, and where its port is taken; a queue that is away is waited for.
 */
export async function openWorker({ config, env, log, version, port }: WorkerSetting): Promise<WorkerService> {
  const closers = new Closers()
  try {
    const dataset = await openDataset(nodeDisk, config.dataDir, streamNames(config))
    const spans = () => readStreamSpans(redisAddress(config), streamNames(config))
    await spans()

    const name = `${hostname()}:${process.pid}`
    const metrics = createWorkerMetrics({ version, threads: config.workers })
    const onError = (error: Error) => log.error(error.message)
    const http = await listenAsWorker({ config, port, askBuffer: spans, metrics, onError })
    closers.add(http, it => it.close())

    const pool = closers.add(new DrainPool({ env, size: config.workers }), it => it.close())
    const drain = counted(pool.drain, metrics.draining)
    const flow = dataWriter({ drain, spans, timeoutMs: config.runTimeoutMs })
    const told = { told: log.warning }
    const events = closers.add(openRunEvents(queueAddress(config), told), it => it.close(1_000))
    const clock = startOwnClock({
      schedule: config.schedule,
      spans,
      isDraining: () => isAnyClaimed(redisAddress(config), Object.values(streamNames(config))),
      newestRun: () => newestRun(config, events),
      run: signal => {
        metrics.ownClock()
        return runUnqueued(flow, { name, events, log, signal })
      },
      warn: log.warning,
    })
    const work = () =>
      startQueueWorker({
        address: queueAddress(config),
        flows: [carried(flow)],
        concurrency: config.workers,
        name,
        log,
        emit: events.emit,
      })
    let worker: QueueWorker | undefined
    const stopped = new AbortController()
    closers.add(stopped, async it => {
      it.abort()
      // The clock's run in hand ends beside the parts in hand.
      await Promise.allSettled([clock.close(), worker?.close(HAND_OVER_MS)])
    })
    const queue = { config, datasetId: dataset.id, log, signal: stopped.signal }
    await withSoundQueue(queue, 'Until then this worker drains by its own clock.', () => {
      worker = work()
    })
    return { http, close: () => closers.close() }
  } catch (error) {
    await closers.close()
    throw error
  }
}

/** Tells how many drains are at work, at each change. */
function counted(drain: RunDrain, tell: (count: number) => void): RunDrain {
  let count = 0
  return async (...words) => {
    tell(++count)
    try {
      await drain(...words)
    } finally {
      tell(--count)
    }
  }
}
