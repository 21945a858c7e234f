import { afterEach, beforeEach } from 'vitest'

import type { RunEvent } from '../../src/engine/run-event.ts'
import { openRunEvents, RUN_EVENTS_KEY, type RunEvents } from '../../src/streams/run-events.ts'
import { waitFor } from '../cli/world.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'

export let redis: RedisServer

/** Closed after each test, the last one first. */
export const closers: (() => Promise<unknown>)[] = []

/** A Redis server of its own for each test: they stop it, fill it and empty it. */
export function useQueueRedis(): void {
  beforeEach(async () => {
    redis = await startRedis()
    closers.push(() => redis.stop())
  })
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })
}

/** Events of a server, and what is told of them. */
export function open(url = redis.url): RunEvents & { readonly told: string[] } {
  const told: string[] = []
  const events = openRunEvents({ url }, { told: message => told.push(message) })
  closers.push(() => events.close(0))
  return { ...events, told }
}

export const event = (n: number): RunEvent => ({
  runId: `run-${n}`,
  flow: 'data-writer',
  state: 'Completed',
  time: '2026-11-21T22:00:00.000Z',
  worker: 'host:1',
  durationMs: n,
  result: { remaining: n, text: 'ä\n"' },
})

export const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at)

/** Follows, and notes each event as it comes. */
export function follow(events: RunEvents, from = '0') {
  const controller = new AbortController()
  const seen: { id: string; event: RunEvent }[] = []
  const ended = events.follow({
    from,
    signal: controller.signal,
    take: (id, event) => void seen.push({ id, event }),
  })
  ended.catch(() => undefined)
  return {
    seen,
    ended,
    stop: () => controller.abort(),
    numbers: () => seen.map(it => Number(it.event.runId.slice(4))),
    sees: (count: number) => waitFor(`${count} events`, async () => seen.length >= count),
  }
}

export const stored = () => redis.client.xlen(RUN_EVENTS_KEY)
export const delivered = (count: number) => waitFor(`${count} entries`, async () => (await stored()) >= count)

export function emitAll(events: RunEvents, from: number, to: number): void {
  for (const n of numbered(from, to)) events.emit(event(n))
}

/** How often the server said that it is full. */
export async function refusals(): Promise<number> {
  const stats = await redis.client.info('errorstats')
  return Number(/errorstat_OOM:count=(\d+)/.exec(stats)?.[1] ?? 0)
}

/** Connections of ours to the server. */
export async function clients(): Promise<number> {
  return String(await redis.client.client('LIST')).split(' name=skydrain ').length - 1
}
