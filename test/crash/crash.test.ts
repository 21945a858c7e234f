import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, expect, test } from 'vitest'

import type { ParquetPort } from '../../src/flows/parquet-port.ts'
import { openParquet } from '../../src/parquet/open.ts'
import { rebuildEvent } from '../../src/records/rebuild.ts'
import { parseRejectedLine } from '../../src/records/rejected-entry.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'
import { type Life, live } from './life.ts'

/** Compiled by the build, since a killed process must be a real one. */
const mortal = fileURLToPath(new URL('../../dist/test/crash/mortal.js', import.meta.url))
const AT_ONCE = 3

let redis: RedisServer
let folder: string
let parquet: ParquetPort

beforeAll(async () => {
  redis = await startRedis()
  folder = await mkdtemp(join(tmpdir(), 'skydrain crash-'))
  parquet = await openParquet({ writer: 'duckdb', warn: console.error })
})

afterAll(async () => {
  await parquet?.close()
  await redis?.stop()
  await rm(folder, { recursive: true, force: true })
})

// The protocol is the same for both writers: one dies at every odd step, the other at every even one.
for (const [remainder, writer] of (['parquetjs', 'duckdb'] as const).entries()) {
  test(`every entry is written exactly once, whichever steps two lives die at (${writer})`, async () => {
    const steps = await countSteps(writer)
    expect(steps).toBeGreaterThan(80)
    const deaths = Array.from({ length: steps }, (_, at) => at + 1).filter(at => at % 2 === remainder)
    const outcomes = { died: 0, diedAgain: 0 }
    await atOnce(AT_ONCE, deaths, async first => {
      const second = ((first * 37) % steps) + 1
      const { died, diedAgain } = await twoDeaths(writer, first, second)
      outcomes.died += Number(died)
      outcomes.diedAgain += Number(diedAgain)
    })
    expect(outcomes.died).toBe(deaths.length)
    expect(outcomes.diedAgain).toBeGreaterThan(deaths.length / 3)
  }, 280_000)
}

/** How many steps the first life has when nothing kills it. */
async function countSteps(writer: Life['writer']): Promise<number> {
  const life = await newLife(writer, 'whole')
  await produce(life.prefix)
  let steps = 0
  await live(life, () => {
    steps += 1
  })
  return steps
}

async function twoDeaths(writer: Life['writer'], first: number, second: number) {
  const life = await newLife(writer, `${first}`)
  const produced = await produce(life.prefix)
  const died = await dies(life, first)
  await expectOnlyProduced(life, produced)
  const diedAgain = await dies({ ...life, batchSize: 4, fileRowsMax: 9 }, second)
  await expectOnlyProduced(life, produced)

  await live({ ...life, batchSize: 10, fileRowsMax: 100, aheadMs: 3_600_000 }, () => undefined)
  const where = `${writer}, dead at ${first} and ${second}`
  expect([...(await rowsOf(life)), ...(await rejectedOf(life))].sort(), where).toEqual(produced)
  expect(await redis.client.xlen(`${life.prefix}posts`), where).toBe(0)
  expect(await readdir(join(life.dataDir, '_staging', `${life.prefix}posts`)), where).toEqual([])
  await rm(life.dataDir, { recursive: true })
  return { died, diedAgain }
}

async function newLife(writer: Life['writer'], name: string): Promise<Life> {
  const prefix = `${writer}_${name}_`
  return { redisUrl: redis.url, prefix, writer, dataDir: join(folder, prefix), batchSize: 7, fileRowsMax: 16 }
}

/** 30 posts in two hours, every tenth of them rejected. Returns `<id> <data>` of each, sorted. */
async function produce(prefix: string): Promise<string[]> {
  const hour = Date.UTC(2026, 10, 21, 22)
  const produced: string[] = []
  for (let n = 0; n < 30; n += 1) {
    const did = n % 10 === 9 ? 'rejected' : `did:plc:${n}`
    const data = JSON.stringify({
      did,
      time_us: (hour + n * 240_000) * 1_000,
      kind: 'commit',
      commit: {
        operation: n % 10 === 9 ? 'unknown' : 'delete',
        collection: 'app.bsky.feed.post',
        rkey: `r${n}`,
      },
    })
    const id = await redis.client.xadd(`${prefix}posts`, `${hour + n * 240_000}-0`, 'data', data)
    produced.push(`${id} ${data}`)
  }
  return produced.sort()
}

async function dies(life: Life, at: number): Promise<boolean> {
  const child = spawn(process.execPath, [mortal, JSON.stringify(life), String(at)], { stdio: 'inherit' })
  const [code, signal] = await once(child, 'exit')
  if (signal === 'SIGKILL') return true
  expect(code).toBe(0)
  return false
}

/** What a reader sees by a glob at any time: only rows that were produced, and none twice. */
async function expectOnlyProduced(life: Life, produced: readonly string[]): Promise<void> {
  const rows = await rowsOf(life)
  expect(new Set(rows).size).toBe(rows.length)
  expect(produced).toEqual(expect.arrayContaining(rows))
}

/** `<id> <data>` of each row that a glob shows, the data made again from the row's columns. */
async function rowsOf(life: Life): Promise<string[]> {
  const files = await filesBelow(life.dataDir, '.parquet')
  const rows = await Promise.all(files.map(file => parquet.readRows(file, 'posts')))
  return rows.flat().map(row => `${row.stream_id} ${sameOrder(rebuildEvent('posts', row).text)}`)
}

async function rejectedOf(life: Life): Promise<string[]> {
  const files = await filesBelow(join(life.dataDir, '_rejected'), '.ndjson')
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8')))
  const lines = texts.flatMap(text => text.split('\n').filter(line => line !== ''))
  const entries = lines.map(line => parseRejectedLine(line).entry)
  return entries.map(({ id, fields }) => `${id} ${fields[1]?.toString()}`)
}

/** An event's JSON with its keys in the order in which `produce` writes them. */
function sameOrder(text: string): string {
  const { did, time_us, kind, commit } = JSON.parse(text)
  const { operation, collection, rkey } = commit
  return JSON.stringify({ did, time_us, kind, commit: { operation, collection, rkey } })
}

async function filesBelow(root: string, ending: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter(entry => entry.name.endsWith(ending)).map(entry => join(entry.parentPath, entry.name))
}

async function atOnce<Item>(limit: number, items: readonly Item[], work: (item: Item) => Promise<void>) {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: limit }, worker))
}
