import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Redis } from 'ioredis'
import { expect } from 'vitest'

import { type EventType, eventTypes } from '../../src/records/event-type.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'
import { CANARY, documentOf, type Ended, type Running, skydrain, startSkydrain } from './skydrain.ts'

/** A Redis server and a folder for the tests of one file. */
export type World = {
  readonly redis: RedisServer
  readonly folder: string
  readonly place: (name: string, env?: Readonly<Record<string, string>>) => Promise<Place>
  readonly close: () => Promise<void>
}

/** Where one test works: streams and a dataset that no other test knows. */
export type Place = {
  readonly cwd: string
  readonly dataDir: string
  readonly prefix: string
  readonly client: Redis
  readonly env: Readonly<Record<string, string>>
  readonly run: (...words: string[]) => Promise<Ended>
  readonly start: (...words: string[]) => Running
  /** The same place with other settings. */
  readonly with: (env: Readonly<Record<string, string>>) => Place
}

export type DrainedCounts = {
  readonly read: number
  readonly written: number
  readonly rejected: number
  readonly duplicates: number
  readonly deleted: number
  readonly files: number
}

export type RunDocument = {
  readonly run_id: string
  readonly state: string
  readonly duration_seconds: number
  readonly types: Readonly<Record<EventType, DrainedCounts>>
  readonly remaining: number
  readonly error?: string
}

export type VerifyDocument = {
  readonly ok: boolean
  readonly files: number
  readonly rows: number
  readonly duplicates: number
  readonly missing: number
  readonly orphans: number
  readonly problems: readonly { readonly path: string; readonly message: string }[]
}

/** `guarded`: the server asks for a password from then on; after a restart of it nobody asks any more. */
export async function openWorld(kind: 'guarded' | 'open' = 'guarded'): Promise<World> {
  const redis = await startRedis()
  const folder = await mkdtemp(join(tmpdir(), 'skydrain cli-'))
  await chmod(folder, 0o755)
  if (kind === 'guarded') await redis.client.config('SET', 'requirepass', CANARY)
  const login: Record<string, string> = kind === 'guarded' ? { REDIS_PASSWORD: CANARY } : {}
  return {
    redis,
    folder,
    place: async (name, env = {}) => {
      const cwd = join(folder, `${name} place`)
      await mkdir(cwd)
      const prefix = `${name}_`
      const all = { REDIS_URL: redis.url, STREAM_PREFIX: prefix, WORKERS: '1', ...login, ...env }
      return placeOf({ cwd, prefix, client: redis.client, env: all })
    },
    close: async () => {
      try {
        await expectNoCanary(folder)
      } finally {
        await redis.stop()
        await rm(folder, { recursive: true, force: true })
      }
    },
  }
}

function placeOf(base: Pick<Place, 'cwd' | 'prefix' | 'client' | 'env'>): Place {
  return {
    ...base,
    dataDir: base.env.DATA_DIR ?? join(base.cwd, 'data'),
    run: (...words) => skydrain(words, base),
    start: (...words) => startSkydrain(words, base),
    with: env => placeOf({ ...base, env: { ...base.env, ...env } }),
  }
}

/** A run that must succeed, and its document. */
export async function drained(place: Place): Promise<RunDocument> {
  const ended = await place.run('run', 'data-writer', '--local', '--json')
  expect(ended.code, ended.stderr).toBe(0)
  return documentOf<RunDocument>(ended)
}

export async function verified(place: Place, ...words: string[]): Promise<VerifyDocument> {
  const ended = await place.run('verify', '--json', ...words)
  const verdict = documentOf<VerifyDocument>(ended)
  expect(ended.code).toBe(verdict.ok ? 0 : 1)
  return verdict
}

/** The true lengths of the five streams. */
export async function lengths({ client, prefix }: Place): Promise<Record<string, number>> {
  const found = eventTypes.map(async type => [type, await client.xlen(`${prefix}${type}`)] as const)
  return Object.fromEntries(await Promise.all(found))
}

export const noEntries = { posts: 0, likes: 0, reposts: 0, follows: 0, blocks: 0 }

export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** Adds deletes of a type, one event each, with ids that Redis gives. */
export async function addDeletes(place: Place, type: EventType, count: number): Promise<void> {
  const collection = {
    posts: 'feed.post',
    likes: 'feed.like',
    reposts: 'feed.repost',
    follows: 'graph.follow',
    blocks: 'graph.block',
  }
  const pipeline = place.client.pipeline()
  for (let n = 0; n < count; n += 1) {
    const commit = { operation: 'delete', collection: `app.bsky.${collection[type]}`, rkey: `r${n}` }
    const event = { did: `did:plc:${n}`, time_us: 1_795_298_700_123_456 + n, kind: 'commit', commit }
    pipeline.xadd(`${place.prefix}${type}`, '*', 'data', JSON.stringify(event))
  }
  await pipeline.exec()
}

const POLL_MS = 5

/** Polls until something is there; fails with what was waited for. */
export async function waitFor<Found>(
  what: string,
  look: () => Promise<Found | undefined | false>,
  withinMs = 30_000,
): Promise<Found> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; ) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await sleep(POLL_MS)
  }
  throw new Error(`Waited ${withinMs} ms in vain for ${what}`)
}

/** The paths of the files below a folder, relative to it, sorted; none where there is no folder. */
export async function filesBelow(folder: string, ending = ''): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter(entry => entry.isFile() && entry.name.endsWith(ending))
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

/** The commit records of a stream that are there. */
export async function recordsOf(place: Place, type: EventType): Promise<string[]> {
  const folder = join(place.dataDir, '_log', `${place.prefix}${type}`)
  return (await filesBelow(folder, '.json'))
    .filter(path => /\d{20}\.json$/.test(path))
    .map(path => join(folder, path))
}

async function expectNoCanary(folder: string): Promise<void> {
  for (const path of await filesBelow(folder)) {
    const content = await readFile(join(folder, path))
    expect(content.includes(CANARY), `${path} holds the password`).toBe(false)
  }
}
