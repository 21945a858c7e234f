import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Config } from '../config.ts'
import { readDataset } from '../dataset/dataset.ts'
import { nodeDisk } from '../dataset/disk.ts'
import { queueAddress, redisAddress, streamNames } from '../drain-parts.ts'
import { Closers } from '../engine/closers.ts'
import { OperatingError } from '../engine/errors.ts'
import type { RunEvent } from '../engine/run-event.ts'
import { DATA_WRITER } from '../flows/data-writer.ts'
import type { Log } from '../log.ts'
import { createServerMetrics } from '../metrics/server-metrics.ts'
import { eventTypes } from '../records/event-type.ts'
import { compareIds, FIRST_ID, millisecondsOf } from '../records/stream-entry.ts'
import { type HttpServer, listen } from '../server/http.ts'
import { alertOnRuns } from '../slack/alert-on-runs.ts'
import type { Backlog } from '../slack/message.ts'
import { openSlack } from '../slack/webhook.ts'
import { openStatus } from '../status.ts'
import { checkQueueServer } from '../streams/queue-server.ts'
import { openRunEvents, type RunEvents } from '../streams/run-events.ts'
import { readStreamSpans } from '../streams/stream-spans.ts'
import { toldCursor } from '../streams/told-cursor.ts'
import { openRunQueue } from '../workers/run-queue.ts'
import { keepSchedule } from '../workers/schedule.ts'
import { createProgress } from './progress.ts'

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
    await checkQueue(config, log)
    const status = closers.add(openStatus(config), it => it.close())
    const readStreams = async () => (await status.read(Date.now())).streams
    const queue = closers.add(openRunQueue(queueAddress(config)), it => it.close())
    const schedule = keepSchedule({
      address: queueAddress(config),
      flow: DATA_WRITER,
      schedule: config.schedule,
      log,
    })
    closers.add(schedule, it => it.close())
    const metrics = createServerMetrics({
      version,
      flows: [DATA_WRITER],
      streams: streamNames(config),
      readStreams,
      readQueue: async () => {
        const [counts, nextRunAt] = await Promise.all([queue.counts(), queue.nextAt(DATA_WRITER)])
        return { ...counts, nextRunAt }
      },
    })
    const alerts = closers.add(openAlerts(config, log, metrics.notified), it => it.close())
    const progress = createProgress({ schedule: config.schedule, queue, status })
    const follower = new AbortController()
    const events = closers.add(openRunEvents(queueAddress(config), { told: log.warning }), it => it.close(0))
    const isNew = onceEach()
    const replay = openReplay(events)
    const startedAt = Date.now()
    const cursor = toldCursor(queueAddress(config))
    const toldUpTo = await cursor.read()
    const following = events.follow({
      from: '0',
      signal: follower.signal,
      take: async (id, event) => {
        replay.took(id)
        if (!isNew(event)) return
        const isOld = Date.parse(event.time) < startedAt - TOLD_LATE_MS
        const isTold = isOld || (toldUpTo !== undefined && compareIds(id, toldUpTo) <= 0)
        metrics.take(event)
        progress.take(event)
        alerts.take(event, isTold || !(await cursor.claim(id)))
        if (!isTold) logEvent(log, event)
      },
    })
    closers.add(following, async () => {
      follower.abort()
      await following
    })
    const watch = setInterval(() => void progress.watch(log, alerts.missing), WATCH_MS)
    closers.add(watch, it => clearInterval(it))
    const http = await listen({
      host: config.host,
      port,
      portSetBy,
      publicUrl: config.publicUrl,
      auth: config.auth,
      role: 'server',
      instance: randomUUID(),
      checks: progress.checks,
      metrics: { ...metrics, text: () => replay.over.then(metrics.text) },
      onError: error => log.error(error.message),
    })
    closers.add(http, it => it.close())
    return { http, close: () => closers.close() }
  } catch (error) {
    await closers.close()
    throw error
  }
}

/** What ended while no server was there is still told, if it is no longer ago than this. */
const TOLD_LATE_MS = 3_600_000

/** How often the progress of the runs is looked at. */
const WATCH_MS = 5_000

/** Thousands of events take a second or two; where they cannot be had, the other metrics are shown all the same. */
const REPLAY_LIMIT_MS = 10_000

/**
 * At its start the server takes again what runs told before. `over` resolves when it has: counters that are shown
 * half way would rise to where they were, and Prometheus would take that for runs and rows.
 */
function openReplay(events: Pick<RunEvents, 'latest'>) {
  let newest: string | undefined
  let taken: string = FIRST_ID
  let end = () => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const look = () => {
    if (newest !== undefined && compareIds(taken, newest) >= 0) end()
  }
  void events
    .latest(1)
    .catch(() => [])
    .then(([found]) => {
      newest = found?.id ?? FIRST_ID
      look()
    })
  return {
    took: (id: string) => {
      taken = id
      look()
    },
    over: Promise.race([ended, sleep(REPLAY_LIMIT_MS, undefined, { ref: false })]),
  }
}

async function checkQueue(config: Config, log: Log): Promise<void> {
  try {
    const dataset = await readDataset(nodeDisk, config.dataDir)
    await checkQueueServer(queueAddress(config), dataset?.id)
  } catch (error) {
    if (!(error instanceof OperatingError) || error.code !== 'redis-unreachable') throw error
    log.warning(`${error.message} The server waits for it.`)
  }
}

type Alerts = {
  readonly take: (event: RunEvent, silent: boolean) => void
  readonly missing: (flow: string, sinceMs: number) => void
  readonly close: () => Promise<void>
}

const SLACK_CLOSE_MS = 3_000

/** Slack, where a webhook is set; else nobody is told. */
function openAlerts(config: Config, log: Log, notified: (result: 'ok' | 'error') => void): Alerts {
  const { slackWebhookUrl, publicUrl } = config
  if (slackWebhookUrl === undefined) {
    return { take: () => undefined, missing: () => undefined, close: async () => undefined }
  }
  const slack = openSlack({
    url: slackWebhookUrl.reveal(),
    told: ({ result, sentence }) => {
      notified(result)
      if (result === 'error') log.warning(sentence)
    },
  })
  const alerts = alertOnRuns({ slack, readBacklog: () => readBacklog(config), publicUrl, now: Date.now })
  return {
    take: (event, silent) => alerts.take(event, { silent }),
    missing: alerts.missing,
    close: async () => {
      await alerts.close()
      await slack.close(SLACK_CLOSE_MS)
    },
  }
}

/** A key that is no stream, which may be what an alert is about, counts as an empty one and hides no other. */
async function readBacklog(config: Config): Promise<Backlog> {
  const streams = streamNames(config)
  const spans = await readStreamSpans(redisAddress(config), streams)
  return eventTypes.map(type => {
    const { length, firstId } = spans[type]
    const stream = streams[type]
    if (firstId === undefined) return { stream, length }
    return { stream, length, oldestAgeSeconds: Math.max(0, Date.now() - millisecondsOf(firstId)) / 1_000 }
  })
}

/** Whether an event has not come before. It may come twice; more than the newest thousands are never asked for. */
function onceEach(): (event: RunEvent) => boolean {
  const seen = new Set<string>()
  return ({ runId, state }) => {
    const key = `${runId} ${state}`
    if (seen.has(key)) return false
    seen.add(key)
    if (seen.size > 20_000)
      for (const oldest of seen) {
        seen.delete(oldest)
        if (seen.size <= 10_000) break
      }
    return true
  }
}

function logEvent(log: Log, { runId, flow, state, durationMs, error, result, worker }: RunEvent): void {
  const took = durationMs === undefined ? '' : ` in ${(durationMs / 1000).toFixed(1)} s`
  const reason = error === undefined ? '' : `: ${error.message}`
  const facts = { run_id: runId, flow, state, worker, duration_ms: durationMs, result }
  log.event(`${flow} ${state}${took}${reason} (run ${runId})`, facts)
}
