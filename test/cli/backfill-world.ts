import type { EventType } from '../../src/records/event-type.ts'
import type { Running } from './skydrain.ts'
import { openWorld, type Place } from './world.ts'

type WindowCounts = {
  readonly from: string
  readonly to: string
  readonly run_id: string
  readonly state: string
  readonly read: number
  readonly written: number
}

export type BackfillDocument = {
  readonly windows: readonly WindowCounts[]
  readonly types: Readonly<Record<string, { readonly read: number; readonly written: number }>>
  readonly state: string
}

export type DryDocument = {
  readonly windows: readonly {
    readonly from: string
    readonly types: Readonly<Record<string, number>>
    readonly entries: number
  }[]
  readonly types: Readonly<Record<string, number>>
  readonly entries: number
}

const HOUR = Date.UTC(2025, 0, 31, 22)
const MINUTE_MS = 60_000

export type BackfillWorld = {
  /** A place with a queue of its own, and a schedule whose times are far away. */
  readonly place: (name: string, env?: Readonly<Record<string, string>>) => Promise<Place>
  /** Starts a command that ends with the world at the latest. */
  readonly start: (place: Place, ...words: string[]) => Running
  readonly close: () => Promise<void>
}

export async function openBackfillWorld(): Promise<BackfillWorld> {
  const world = await openWorld('open')
  const started: Running[] = []
  let places = 0
  return {
    place: async (name, env = {}) => {
      places += 1
      const SCHEDULE = `0 ${(new Date().getUTCHours() + 12) % 24} * * *`
      const QUEUE_REDIS_URL = `${world.redis.url}/${places}`
      return await world.place(name, { QUEUE_REDIS_URL, METRICS_PORT: '0', SCHEDULE, ...env })
    },
    start: (place, ...words) => {
      const running = place.start(...words)
      started.push(running)
      return running
    },
    close: async () => {
      await Promise.all(started.map(stop))
      await world.close()
    },
  }
}

export async function startWorker({ start }: BackfillWorld, place: Place): Promise<Running> {
  const worker = start(place, 'worker')
  await worker.says('A worker of 1 threads')
  return worker
}

export async function stop({ child, ended }: Running): Promise<void> {
  child.kill('SIGTERM')
  await ended
}

const collections = { posts: 'feed.post', likes: 'feed.like' } as const

export async function add(
  place: Place,
  type: keyof typeof collections,
  ids: readonly string[],
): Promise<void> {
  const pipeline = place.client.pipeline()
  for (const id of ids) {
    const commit = { operation: 'delete', collection: `app.bsky.${collections[type]}`, rkey: id }
    const event = { did: 'did:plc:a', time_us: HOUR * 1000, kind: 'commit', commit }
    pipeline.xadd(`${place.prefix}${type}`, id, 'data', JSON.stringify(event))
  }
  await pipeline.exec()
}

export async function idsLeft(place: Place, type: EventType): Promise<string[]> {
  return (await place.client.xrange(`${place.prefix}${type}`, '-', '+')).map(([id]) => id)
}

export const at = (minutes: number, ms = 0, sequence = '0') =>
  `${HOUR + minutes * MINUTE_MS + ms}-${sequence}`
export const LAST = '18446744073709551615'
