import { Counter, Gauge, type Registry } from 'prom-client'

/** A scrape must not wait for a Redis that hangs: Prometheus gives up after 10 s, and then has no numbers at all. */
const LIMIT_MS = 2_000

/** Two Prometheus servers, or a person who reloads, do not make Redis work twice. */
const KEPT_MS = 5_000

type Reading<Value> = { readonly since: number; readonly value: Promise<Value> }

/**
 * Makes collectors: what they give is at most 5 s old, and undefined where it could not be had within 2 s. One
 * that hangs is not begun again while it does, and later scrapes do not wait for it.
 */
export function createCollect(registry: Registry, now: () => number) {
  const durations = new Gauge({
    name: 'skydrain_metrics_collect_duration_seconds',
    help: 'How long the newest reading of a collector took; of one that hangs, how long it has so far.',
    labelNames: ['collector'] as const,
    registers: [registry],
  })
  const errors = new Counter({
    name: 'skydrain_metrics_collect_errors_total',
    help: 'Scrapes for which a collector had no values: it failed or took too long.',
    labelNames: ['collector'] as const,
    registers: [registry],
  })

  return <Value>(collector: string, read: () => Promise<Value>): (() => Promise<Value | undefined>) => {
    durations.set({ collector }, 0)
    errors.inc({ collector }, 0)
    let kept: { readonly value: Value; readonly until: number } | undefined
    let reading: Reading<Value> | undefined
    const tookSince = (since: number) => durations.set({ collector }, (now() - since) / 1_000)

    const readOnce = async (since: number): Promise<Value> => {
      try {
        // Behind a promise even a reader that throws at once fails later, when `reading` is set.
        const value = await Promise.resolve().then(read)
        kept = { value, until: now() + KEPT_MS }
        return value
      } finally {
        tookSince(since)
        reading = undefined
      }
    }
    const begin = (): Reading<Value> => {
      const since = now()
      return { since, value: readOnce(since) }
    }

    return async () => {
      if (kept !== undefined && now() < kept.until) return kept.value
      reading ??= begin()
      const { since, value } = reading
      try {
        return await within(value, since + LIMIT_MS - now())
      } catch {
        errors.inc({ collector })
        if (reading !== undefined) tookSince(since)
        return undefined
      }
    }
  }
}

/** Rejects where the value is not there in time. One that comes later, or fails later, troubles nobody. */
async function within<Value>(value: Promise<Value>, limitMs: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no values in time')), limitMs)
  })
  try {
    return await Promise.race([value, limit])
  } finally {
    clearTimeout(timer)
  }
}
