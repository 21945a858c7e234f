import { Redis } from 'ioredis'
import { expect } from 'vitest'

import type { RunEvent } from '../../src/engine/run-event.ts'
import { type EventType, eventTypes } from '../../src/records/event-type.ts'
import type { Running } from '../cli/skydrain.ts'
import type { Place } from '../cli/world.ts'
import { lengths, openWorld, sumOf, type World, waitFor } from '../cli/world.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'

/** A buffer, a queue, and the processes of one test: all of them end with it. */
export type Station = {
  readonly world: World
  readonly queue: RedisServer
  readonly place: Place
  /** Starts a process that stays, and waits until it says that it is there. */
  readonly up: (...words: string[]) => Promise<Running>
  /** The same in another environment. */
  readonly upWith: (env: Readonly<Record<string, string>>, ...words: string[]) => Promise<Running>
  readonly close: () => Promise<void>
}

const SAYS: Readonly<Record<string, string>> = { worker: 'A worker of', server: 'The server is on' }

export async function openStation(env: Readonly<Record<string, string>> = {}): Promise<Station> {
  const world = await openWorld('open')
  const queue = await startRedis('--maxmemory-policy', 'noeviction')
  const place = await world.place('st', {
    QUEUE_REDIS_URL: queue.url,
    PORT: '0',
    METRICS_PORT: '0',
    WORKERS: '2',
    ...env,
  })
  const started: Running[] = []
  const upWith: Station['upWith'] = async (more, ...words) => {
    const running = place.with(more).start(...words)
    started.push(running)
    running.ended.catch(() => undefined)
    await running.says(SAYS[words[0] ?? ''] ?? 'health')
    return running
  }
  return {
    world,
    queue,
    place,
    up: (...words) => upWith({}, ...words),
    upWith,
    close: async () => {
      for (const { child } of started) child.kill('SIGKILL')
      await Promise.allSettled(started.map(it => it.ended))
      await queue.stop()
      await world.close()
    },
  }
}

/** What the runs have told, oldest first. */
export async function eventsOf({ queue }: Pick<Station, 'queue'>): Promise<RunEvent[]> {
  const entries = await queue.client.xrange('{skydrain}:runs', '-', '+')
  return entries.map(([, fields]) => JSON.parse(fields[fields.indexOf('event') + 1] ?? ''))
}

export async function endsOf(station: Pick<Station, 'queue'>): Promise<RunEvent[]> {
  return (await eventsOf(station)).filter(it => it.state !== 'Running')
}

/** Polls until runs have ended so that a condition on their events holds. */
export async function waitForEvents(
  station: Pick<Station, 'queue'>,
  what: string,
  holds: (events: readonly RunEvent[]) => boolean,
  withinMs?: number,
): Promise<RunEvent[]> {
  const look = async () => {
    const events = await eventsOf(station).catch(() => [])
    return holds(events) && events
  }
  return await waitFor(what, look, withinMs)
}

/** Puts made events on all five streams, and returns how many of each. */
export async function generate(place: Place, events: number): Promise<Record<EventType, number>> {
  const ended = await place.run('generate', '--events', String(events), '--json')
  expect(ended.code, ended.stderr).toBe(0)
  return JSON.parse(ended.stdout).loaded
}

export async function isEmpty(place: Place): Promise<boolean> {
  return sumOf(await lengths(place)) === 0
}

/** Rows and rejected lines in the dataset, each id once; fails where one is there twice. */
export async function datasetSizes(place: Place): Promise<Record<EventType, number>> {
  const ended = await place.run('verify', '--json')
  const verdict = JSON.parse(ended.stdout)
  expect(verdict, ended.stdout).toMatchObject({ ok: true, duplicates: 0, missing: 0 })
  const sizes = await Promise.all(
    eventTypes.map(async type => {
      const { stdout } = await place.run(
        'query',
        '--json',
        `SELECT count(DISTINCT stream_id) AS n, count(*) AS rows FROM ${type}`,
      )
      const [{ n, rows }] = JSON.parse(stdout)
      expect(n).toBe(rows)
      return [type, Number(n)] as const
    }),
  )
  return Object.fromEntries(sizes) as Record<EventType, number>
}

/** A second connection, for what must not wait behind the first. */
export function clientOf({ port }: RedisServer): Redis {
  return new Redis(port, '127.0.0.1', { protocol: 2 })
}
