import { randomUUID } from 'node:crypto'

import type { Config } from '../config.ts'
import { readDataset } from '../dataset/dataset.ts'
import { nodeDisk } from '../dataset/disk.ts'
import { queueAddress, streamNames } from '../drain-parts.ts'
import { Closers } from '../engine/closers.ts'
import { toError } from '../engine/errors.ts'
import { DATA_WRITER } from '../flows/data-writer.ts'
import type { Log } from '../log.ts'
import { createServerMetrics } from '../metrics/server-metrics.ts'
import { type HttpServer, listen } from '../server/http.ts'
import { openStatus } from '../status.ts'
import { openRunEvents } from '../streams/run-events.ts'
import { toldCursor } from '../streams/told-cursor.ts'
import { openRunQueue } from '../workers/run-queue.ts'
import { keepSchedule } from '../workers/schedule.ts'
import { followRuns } from './follow-runs.ts'
import { createProgress, type Progress } from './progress.ts'
import { openSlackAlerts, type SlackAlerts } from './slack-alerts.ts'
import { refuseUnsoundQueue, withSoundQueue } from './sound-queue.ts'

export type ServerService = {
  readonly http: HttpServer
  readonly close: () => Promise<void>
}

/**
 * The server: keeps the schedule, follows the runs, tells of them by metrics, health and Slack. It does no work of
 * a run itself. Fails at once, with a sentence, where the queue's Redis may evict keys or holds the queue of
 * another dataset, and where its port is taken; a queue that is away is waited for.
 */
export async function openServer({
  config,
  log,
  version,
  port,
  portSetBy,
}: {
  readonly config: Config
  readonly log: Log
  readonly version: string
  readonly port: number
  readonly portSetBy: string
}): Promise<ServerService> {
  const closers = new Closers()
  try {
    const dataset = await readDataset(nodeDisk, config.dataDir)
    await refuseUnsoundQueue(config, dataset?.id)
    const status = closers.add(openStatus(config), it => it.close())
    const queue = closers.add(openRunQueue(queueAddress(config)), it => it.close())
    const metrics = createServerMetrics({
      version,
      flows: [DATA_WRITER],
      streams: streamNames(config),
      readStreams: async () => (await status.read(Date.now())).streams,
      readQueue: async () => {
        const [counts, nextRunAt] = await Promise.all([queue.counts(), queue.nextAt(DATA_WRITER)])
        return { ...counts, nextRunAt }
      },
    })
    const alerts = closers.add(openSlackAlerts(config, log, metrics.notified), it => it.close())
    const progress = createProgress({ ...config, queue, status, startedAt: Date.now() })
    const events = closers.add(openRunEvents(queueAddress(config), { told: log.warning }), it => it.close(0))
    const runs = followRuns({
      events,
      cursor: toldCursor(queueAddress(config)),
      log,
      take: (event, isTold) => {
        metrics.take(event)
        progress.take(event)
        alerts.take(event, isTold)
      },
    })
    closers.add(runs, it => it.close())
    const http = await listen({
      host: config.host,
      port,
      portSetBy,
      publicUrl: config.publicUrl,
      auth: config.auth,
      role: 'server',
      instance: randomUUID(),
      checks: progress.checks,
      metrics: { ...metrics, text: () => runs.replayed.then(metrics.text) },
      onError: error => log.error(error.message),
    })
    closers.add(http, it => it.close())
    const kept = await keepGoing({ config, datasetId: dataset?.id, log, progress, alerts })
    closers.add(kept, it => it.close())
    return { http, close: () => closers.close() }
  } catch (error) {
    await closers.close()
    throw error
  }
}

/** How often the progress of the runs is looked at. */
const WATCH_MS = 5_000

/** Keeps the schedule, and watches that it brings runs, from when the queue's Redis is there and sound. */
async function keepGoing({
  config,
  datasetId,
  log,
  progress,
  alerts,
}: {
  readonly config: Config
  readonly datasetId: string | undefined
  readonly log: Log
  readonly progress: Progress
  readonly alerts: SlackAlerts
}): Promise<{ readonly close: () => Promise<void> }> {
  const stopped = new AbortController()
  const closers = new Closers()
  const queue = { config, datasetId, log, signal: stopped.signal }
  await withSoundQueue(queue, 'The server waits for it.', () => {
    const address = queueAddress(config)
    const { schedule } = config
    closers.add(keepSchedule({ address, flow: DATA_WRITER, schedule, log }), it => it.close())
  })
  const look = () => progress.watch(log, alerts.missing).catch(error => log.error(toError(error).message))
  const watch = setInterval(look, WATCH_MS)
  return {
    close: async () => {
      stopped.abort()
      clearInterval(watch)
      await closers.close()
    },
  }
}
