import { setTimeout as sleep } from 'node:timers/promises'

import type { Config } from '../config.ts'
import { redisAddress, streamNames } from '../drain-parts.ts'
import { toError } from '../engine/errors.ts'
import { loadGenerated } from '../flows/load-events.ts'
import { generateEvents } from '../records/generator.ts'
import { openProducer } from '../streams/producer.ts'

/** What the network sent on average in July 2026. */
const EVENTS_PER_SECOND = 220

const AGAIN_AFTER_MS = 1_000

export type Feed = {
  /** Resolves when so many events were put on the streams. Throws the signal's reason. */
  readonly fed: (events: number, signal: AbortSignal) => Promise<void>
  readonly close: () => Promise<void>
}

/** Puts made events on the streams, in the mix and at the rate of the real network, until it is closed. */
export function startFeed(config: Config, warn: (message: string) => void): Feed {
  const stopped = new AbortController()
  const { signal } = stopped
  let total = 0
  let waiting: { readonly events: number; readonly resolve: () => void }[] = []
  const count = (events: number) => {
    total += events
    for (const it of waiting) if (total >= it.events) it.resolve()
    waiting = waiting.filter(it => total < it.events)
  }
  const feeding = (async () => {
    while (!signal.aborted) {
      try {
        await feedOnce(config, count, signal)
      } catch (error) {
        if (signal.aborted) return
        warn(`The event stream stops for a second: ${toError(error).message}`)
        await sleep(AGAIN_AFTER_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  })()
  return {
    fed: (events, until) =>
      new Promise((resolve, reject) => {
        if (total >= events) resolve()
        else waiting.push({ events, resolve })
        until.addEventListener('abort', () => reject(until.reason), { once: true })
      }),
    close: async () => {
      stopped.abort(new Error('the event stream ends'))
      await feeding
    },
  }
}

/** Until an error, or the signal. A new beginning makes other events: none is put on a stream twice. */
async function feedOnce(config: Config, count: (events: number) => void, signal: AbortSignal): Promise<void> {
  const sink = await openProducer(redisAddress(config), streamNames(config))
  const seed = Date.now() % 2 ** 32
  const events = generateEvents({ seed, startTimeUs: Date.now() * 1_000, ratePerSecond: EVENTS_PER_SECOND })
  let before = 0
  const told = ({ loaded }: { loaded: number }) => {
    count(loaded - before)
    before = loaded
  }
  try {
    const limits = { count: Number.MAX_SAFE_INTEGER, ratePerSecond: EVENTS_PER_SECOND }
    await loadGenerated(events, limits, sink, told, signal)
  } finally {
    await sink.close()
  }
}
