import { setTimeout as sleep } from 'node:timers/promises'

import type { RunEvent } from '../engine/run-event.ts'
import { type Alert, Alerts } from './alerts.ts'
import { type Backlog, messageOf } from './message.ts'
import type { Slack } from './webhook.ts'

export type RunAlerts = {
  /** `silent` for events that were told when they happened, and are replayed. Never throws, never waits. */
  readonly take: (event: RunEvent, how?: { readonly silent: boolean }) => void
  /** A flow that had no run for so many milliseconds; may be said again and again, and is told once. */
  readonly missing: (flow: string, sinceMs: number) => void
  /** Resolves when every alert was posted, within the limit of a look at the backlog. Closes no part of others. */
  readonly close: () => Promise<void>
}

export type RunAlertsTools = {
  readonly slack: Pick<Slack, 'post'>
  /** The streams as they are now. May fail or hang: the message then says that the backlog is unknown. */
  readonly readBacklog: () => Promise<Backlog>
  readonly publicUrl: string | undefined
  readonly now: () => number
}

/** An alert that comes late is worse than one without a backlog. */
const BACKLOG_LIMIT_MS = 3_000

/** Tells Slack of runs that fail, of flows without a run, and of the end of either. */
export function alertOnRuns({ slack, readBacklog, publicUrl, now }: RunAlertsTools): RunAlerts {
  const alerts = new Alerts()
  let posted: Promise<void> = Promise.resolve()

  /** The backlog is asked for at once, also while an earlier alert waits for its own: none waits twice. */
  function tell(alert: Alert): void {
    const asked = withinLimit(readBacklog)
    const before = posted
    posted = (async () => {
      const backlog = await asked
      await before
      slack.post(messageOf(alert, { backlog, publicUrl }))
    })()
  }

  return {
    take: (event, { silent } = { silent: false }) => {
      const alert = alerts.take(event)
      if (alert !== undefined && !silent) tell(alert)
    },
    missing: (flow, sinceMs) => {
      const alert = alerts.missing({ flow, sinceMs, now: now() })
      if (alert !== undefined) tell(alert)
    },
    close: () => posted,
  }
}

/** Undefined where the reading fails, or takes too long. */
async function withinLimit(readBacklog: () => Promise<Backlog>): Promise<Backlog | undefined> {
  const limit = new AbortController()
  try {
    return await Promise.race([readBacklog(), sleep(BACKLOG_LIMIT_MS, undefined, { signal: limit.signal })])
  } catch {
    return undefined
  } finally {
    limit.abort()
  }
}
