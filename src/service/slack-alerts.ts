import type { Config } from '../config.ts'
import { redisAddress, streamNames } from '../drain-parts.ts'
import type { RunEvent } from '../engine/run-event.ts'
import type { Log } from '../log.ts'
import { eventTypes } from '../records/event-type.ts'
import { millisecondsOf } from '../records/stream-entry.ts'
import { alertOnRuns } from '../slack/alert-on-runs.ts'
import type { Backlog } from '../slack/message.ts'
import { openSlack } from '../slack/webhook.ts'
import { readStreamSpans } from '../streams/stream-spans.ts'

export type SlackAlerts = {
  readonly take: (event: RunEvent, silent: boolean) => void
  readonly missing: (flow: string, sinceMs: number) => void
  readonly close: () => Promise<void>
}

const SLACK_CLOSE_MS = 3_000

/** Slack, where a webhook is set; else nobody is told. */
export function openSlackAlerts(
  config: Config,
  log: Log,
  notified: (result: 'ok' | 'error') => void,
): SlackAlerts {
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
