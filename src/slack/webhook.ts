import { setTimeout as sleep } from 'node:timers/promises'

import { attempt, type SlackMessage, type SlackOutcome } from './attempt.ts'

export type Slack = {
  /**
   * Puts a message in the queue and returns at once. Never throws. A message for which the queue has no room is
   * dropped; the next one that is sent says how many were.
   */
  readonly post: (message: SlackMessage) => void
  /** Sends a message once, past the queue, and says how it fared. Never throws. */
  readonly send: (message: SlackMessage) => Promise<SlackOutcome>
  /**
   * Delivers what waits, for so many milliseconds at most, and then lets go of it: after that nothing here keeps
   * the process. Never throws; what is posted afterwards is dropped.
   */
  readonly close: (withinMs: number) => Promise<void>
}

export type SlackLimits = {
  /** For one try, the reading of the answer included. */
  readonly timeoutMs: number
  /** The delays before each retry: as many retries as delays. */
  readonly retryDelaysMs: readonly number[]
  /** The most that a retry is put off when Slack names a time itself. */
  readonly waitMaxMs: number
  /** Messages that wait behind the one that is being sent. */
  readonly waitingMax: number
}

/** Slack's hiccups take seconds, its outages hours: then a run's alert is old, and the next one says more. */
export const slackLimits: SlackLimits = {
  timeoutMs: 10_000,
  retryDelaysMs: [1_000, 5_000, 30_000, 120_000],
  waitMaxMs: 300_000,
  waitingMax: 20,
}

/**
 * A webhook with a queue before it, so that nobody ever waits for Slack. Messages are sent one at a time and in
 * order. `told` hears once of each message that was posted, when its fate is known; it must not throw.
 */
export function openSlack({
  url,
  told,
  limits = slackLimits,
}: {
  readonly url: string
  readonly told: (outcome: SlackOutcome) => void
  readonly limits?: SlackLimits
}): Slack {
  const options = { url, timeoutMs: limits.timeoutMs }
  const ending = new AbortController()
  const waiting: SlackMessage[] = []
  let isClosed = false
  /** Messages that were lost and of which no message has told yet. */
  let lost = 0
  let work: Promise<void> | undefined

  function post(message: SlackMessage): void {
    if (isClosed || waiting.length >= limits.waitingMax) {
      lost += 1
      const why = isClosed ? 'Slack is closed' : `${waiting.length} messages wait for Slack already`
      told({ result: 'error', sentence: `${why}: a message was dropped.` })
    } else {
      waiting.push(message)
      work ??= sendWaiting()
    }
  }

  async function sendWaiting(): Promise<void> {
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
      const toldOf = lost
      const outcome = await sendWithRetries(withLost(message, toldOf))
      lost += outcome.result === 'ok' ? -toldOf : 1
      told(outcome)
    }
    work = undefined
  }

  async function sendWithRetries(message: SlackMessage): Promise<SlackOutcome> {
    for (let retry = 0; ; retry += 1) {
      const { outcome, mayPass, waitMs } = await attempt(message, { ...options, signal: ending.signal })
      const delayMs = limits.retryDelaysMs[retry]
      if (!mayPass || delayMs === undefined) return outcome
      await pause(Math.min(waitMs ?? delayMs, limits.waitMaxMs), ending.signal)
    }
  }

  async function close(withinMs: number): Promise<void> {
    isClosed = true
    const timer = setTimeout(() => ending.abort(), withinMs)
    await work
    clearTimeout(timer)
    ending.abort()
  }

  return {
    post,
    send: async message => (await attempt(message, { ...options, signal: ending.signal })).outcome,
    close,
  }
}

/** Ends early, without an error, when the signal is aborted: the attempt after it ends at once then. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

function withLost(message: SlackMessage, count: number): SlackMessage {
  return count === 0 ? message : { ...message, text: `${message.text} (${count} more were dropped)` }
}
