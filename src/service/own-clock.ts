import { setTimeout as sleep } from 'node:timers/promises'

import { type Cron, nextTime } from '../engine/cron.ts'
import { toError } from '../engine/errors.ts'
import type { StreamSpan } from '../flows/plan-ranges.ts'
import { millisecondsOf } from '../records/stream-entry.ts'

export type OwnClockOptions = {
  readonly schedule: Cron
  /** The streams as they are. Throws where their Redis is away. */
  readonly spans: () => Promise<Readonly<Record<string, StreamSpan>>>
  /** Whether some run drains a stream at this moment. */
  readonly isDraining: () => Promise<boolean>
  /** When anything was last told of a run of the queue's, in milliseconds since 1970. Throws where the queue cannot be used. */
  readonly newestRun: () => Promise<number | undefined>
  readonly run: (signal: AbortSignal) => Promise<void>
  readonly warn: (message: string) => void
}

export type OwnClock = { readonly close: () => Promise<void> }

/** A run that the queue carries has begun by then. Half as much more by chance: of several workers one is first. */
const GRACE_MS = 20_000

/**
 * A worker's own clock: what drains when the queue does not. A while behind each time of the schedule it looks
 * whether entries from before that time are still on the streams; if so, and the queue's Redis is away or full, or
 * no run has begun for two intervals, this worker runs data-writer in its own process.
 */
export function startOwnClock(options: OwnClockOptions): OwnClock {
  const stopped = new AbortController()
  const running = keepTime(options, stopped.signal)
  return {
    close: async () => {
      stopped.abort(new Error('the worker is stopped'))
      await running
    },
  }
}

async function keepTime(options: OwnClockOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const dueAt = nextTime(options.schedule, Date.now())
    const intervalMs = nextTime(options.schedule, dueAt) - dueAt
    const graceMs = Math.min(GRACE_MS, intervalMs / 4) * (1 + Math.random() / 2)
    await sleepUntil(dueAt + graceMs, signal)
    if (signal.aborted) return
    try {
      const reason = await reasonToRun(options, dueAt)
      if (reason === undefined) continue
      options.warn(`${reason} This worker drains by its own clock.`)
      await options.run(signal)
    } catch (error) {
      options.warn(`A run by this worker's own clock could not begin: ${toError(error).message}`)
    }
  }
}

/** A timer of Node takes 24 days at most. */
const SLEEP_MAX_MS = 86_400_000

async function sleepUntil(time: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && Date.now() < time) {
    await sleep(Math.min(SLEEP_MAX_MS, time - Date.now()), undefined, { signal }).catch(() => undefined)
  }
}

async function reasonToRun(
  { schedule, spans, isDraining, newestRun }: OwnClockOptions,
  dueAt: number,
): Promise<string | undefined> {
  const waits = Object.values(await spans()).some(
    ({ firstId }) => firstId !== undefined && millisecondsOf(firstId) < dueAt,
  )
  if (!waits || (await isDraining())) return undefined
  try {
    const told = await newestRun()
    // None was missed but for this one, which may be late.
    if (told !== undefined && nextTime(schedule, told) >= dueAt) return undefined
    return 'No run was begun for two intervals of the schedule.'
  } catch (error) {
    return toError(error).message
  }
}
