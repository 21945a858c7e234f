import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll } from 'vitest'

import { commitLogs } from '../../src/dataset/commit-log.ts'
import { openDataset } from '../../src/dataset/dataset.ts'
import { type Disk, nodeDisk } from '../../src/dataset/disk.ts'
import { readWholeLog } from '../../src/dataset/read-log.ts'
import type { RunDrain } from '../../src/flows/data-writer.ts'
import { drain } from '../../src/flows/drain.ts'
import { type DrainCounts, DrainReport } from '../../src/flows/drain-report.ts'
import type { DrainRequest } from '../../src/flows/drain-setting.ts'
import type { ParquetPort } from '../../src/flows/parquet-port.ts'
import type { IdRange, StreamConnection, StreamsPort } from '../../src/flows/streams-port.ts'
import { openParquet } from '../../src/parquet/open.ts'
import { collectionOf, type EventType, perType } from '../../src/records/event-type.ts'
import { compareIds, type EntryId, FIRST_ID, LAST_ID } from '../../src/records/stream-entry.ts'
import { redisStreams } from '../../src/streams/redis-streams.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'

export const HOUR_22 = Date.UTC(2026, 10, 21, 22)
const EVERYTHING: IdRange = { from: FIRST_ID, to: LAST_ID }

export let redis: RedisServer
let base: string
let duckdb: DuckDBInstance
const parquets = new Map<'duckdb' | 'parquetjs', ParquetPort>()

/** A Redis server, a folder and both Parquet writers for the tests of a file. */
export function useWorkshop(...redisOptions: string[]): void {
  beforeAll(async () => {
    redis = await startRedis(...redisOptions)
    base = await mkdtemp(join(tmpdir(), 'skydrain flows-'))
    duckdb = await DuckDBInstance.create()
    for (const writer of ['duckdb', 'parquetjs'] as const) {
      parquets.set(writer, await openParquet({ writer, warn: message => console.error(message) }))
    }
  })
  afterAll(async () => {
    for (const parquet of parquets.values()) await parquet.close()
    duckdb?.closeSync()
    await redis?.stop()
    await rm(base, { recursive: true, force: true })
  })
}

/** Streams of a prefix of their own, and the folder that they are drained into. */
export type Place = { readonly prefix: string; readonly dataDir: string }

export function newPlace(): Place {
  const prefix = `${randomUUID().slice(0, 8)}_`
  return { prefix, dataDir: join(base, `data of ${prefix}`) }
}

export type Life = {
  readonly writer?: 'duckdb' | 'parquetjs'
  readonly batchSize?: number
  readonly fileRowsMax?: number
  readonly now?: () => number
  readonly disk?: Disk
  readonly connection?: (connection: StreamConnection) => Partial<StreamConnection>
  readonly type?: EventType
  readonly range?: IdRange
  readonly readUntil?: number
  readonly signal?: AbortSignal
}

/** Everything of a worker plugged together by hand, as a function that drains. */
export async function openDrain(place: Place, life: Life = {}): Promise<RunDrain> {
  const {
    disk = nodeDisk,
    batchSize = 100,
    fileRowsMax = 10_000,
    now = Date.now,
    writer = 'parquetjs',
  } = life
  const streams = perType(type => `${place.prefix}${type}`)
  const dataset = await openDataset(disk, place.dataDir, streams)
  const ownership = { datasetId: dataset.id, group: 'skydrain', allowOtherGroups: false }
  const port = redisStreams({ address: { url: redis.url }, streams, ownership })
  const parquet = parquets.get(writer)
  if (parquet === undefined) throw new Error('useWorkshop was not called')
  const limits = { batchSize, fileRowsMax, entryBytesMax: 16_777_216 }
  return async (request, { counts, warn }, signal) => {
    const tools = {
      streams: wrapped(port, life.connection),
      dataset: commitLogs(dataset, { disk, now, openParquet: async () => parquet }),
      limits,
      now,
      warn,
    }
    await drain(tools, request, new DrainReport(counts), signal)
  }
}

export type Lived = { counts: DrainCounts; warnings: string[]; error?: Error }

/** One life of a worker: drains a stream once. An error ends it, and is told. */
export async function live(place: Place, life: Life = {}): Promise<Lived> {
  const lived: Lived = { counts: new DrainReport().counts, warnings: [] }
  const { type = 'posts', range = EVERYTHING, readUntil = Number.POSITIVE_INFINITY } = life
  const request: DrainRequest = { type, range, readUntil, run: 'a-life' }
  const counts = (made: DrainCounts) => {
    lived.counts = made
  }
  try {
    const warn = (message: string) => lived.warnings.push(message)
    await (await openDrain(place, life))(
      request,
      { counts, warn },
      life.signal ?? new AbortController().signal,
    )
  } catch (error) {
    lived.error = error as Error
  }
  return lived
}

/** As `live`, where nothing may go wrong. */
export async function drained(place: Place, life: Life = {}): Promise<DrainCounts> {
  const { counts, error } = await live(place, life)
  if (error) throw error
  return counts
}

function wrapped(port: StreamsPort, wrap: Life['connection']): StreamsPort {
  if (wrap === undefined) return port
  return {
    connect: async type => {
      const { inspect, claim, read, deleteEntries, moveGroup, close } = await port.connect(type)
      const bare: StreamConnection = { inspect, claim, read, deleteEntries, moveGroup, close }
      return { ...bare, ...wrap(bare) }
    },
  }
}

export type Produced = {
  readonly id: EntryId
  readonly did: string
  readonly bad?: boolean
  readonly text?: string
}

/** Posts with the ids `<HOUR_22 + n minutes>-0`; every tenth cannot be a row. */
export function posts(from: number, to: number): Produced[] {
  return Array.from({ length: to - from + 1 }, (_, at) => {
    const n = from + at
    return { id: idOf(n), did: n % 10 === 9 ? 'rejected' : `did:plc:${n}`, bad: n % 10 === 9 }
  })
}

export function idOf(minute: number): EntryId {
  return `${HOUR_22 + minute * 60_000}-0`
}

/** Puts entries on a stream under the ids that they have. */
export async function produce({ prefix }: Place, produced: readonly Produced[], type: EventType = 'posts') {
  const pipeline = redis.client.pipeline()
  for (const { id, did, bad = false, text } of produced.toSorted((a, b) => compareIds(a.id, b.id))) {
    const operation = bad ? 'unknown' : 'delete'
    const commit = { operation, collection: collectionOf[type], rkey: 'r' }
    const event = { did, time_us: Number(id.split('-')[0]) * 1_000, kind: 'commit', commit }
    pipeline.xadd(`${prefix}${type}`, id, 'data', text ?? JSON.stringify(event))
  }
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error
}

/** Rewinds Redis: the stream is as it never was, and then holds these entries again. */
export async function rewind(place: Place, produced: readonly Produced[]): Promise<void> {
  await redis.client.del(`${place.prefix}posts`)
  await produce(place, produced)
}

export function lengthOf({ prefix }: Place, type: EventType = 'posts'): Promise<number> {
  return redis.client.xlen(`${prefix}${type}`)
}

/** `<id> <did>` of each, sorted: what a reader must find. */
export function expected(produced: readonly Produced[]): string[] {
  return produced.map(({ id, did }) => `${id} ${did}`).sort()
}

/** What a reader of the plain glob, and of the rejected files, finds. */
export async function published({ dataDir }: Place, type: EventType = 'posts'): Promise<string[]> {
  const files = await filesBelow(dataDir)
  const found: string[] = []
  if (files.some(path => path.endsWith('.parquet') && path.includes(`/type=${type}/`))) {
    const connection = await duckdb.connect()
    const glob = `${dataDir}/**/type=${type}/*.parquet`.replaceAll("'", "''")
    const reader = await connection.runAndReadAll(
      `SELECT stream_id || ' ' || did FROM read_parquet('${glob}')`,
    )
    found.push(...reader.getRows().map(([row]) => String(row)))
    connection.closeSync()
  }
  for (const path of files.filter(path => path.includes(`/_rejected/${type}/`))) {
    const lines = (await readFile(path, 'utf8')).split('\n').filter(line => line !== '')
    found.push(...lines.map(line => `${JSON.parse(line).id} rejected`))
  }
  return found.sort()
}

async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return found.filter(it => it.isFile()).map(it => join(it.parentPath, it.name))
}

/** What is left in staging, but for the folders of streams. */
export async function stagingOf({ dataDir }: Place): Promise<string[]> {
  return (await filesBelow(join(dataDir, '_staging'))).map(path => path.slice(dataDir.length))
}

export async function recordsOf({ dataDir, prefix }: Place, type: EventType = 'posts') {
  const log = await readWholeLog({ disk: nodeDisk, root: dataDir, stream: `${prefix}${type}` })
  return log.records
}

/** Every id of a Parquet file, in the file's order. */
export async function idsOfFile({ dataDir }: Place, path: string): Promise<readonly EntryId[]> {
  return (await parquets.get('parquetjs')?.readIds(join(dataDir, path))) ?? []
}

/** Cuts every connection of skydrain, as an operator or a failover does. */
export async function killConnections(): Promise<number> {
  const clients = String(await redis.client.client('LIST')).split('\n')
  const ids = clients
    .filter(line => line.includes(' name=skydrain '))
    .map(line => /^id=(\d+)/.exec(line)?.[1])
  for (const id of ids) await redis.client.client('KILL', 'ID', id ?? '')
  return ids.length
}
