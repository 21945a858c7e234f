import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, describe, expect, test } from 'vitest'

import { readConfig } from '../src/config.ts'
import { recordPath } from '../src/dataset/layout.ts'
import { eventTypes } from '../src/records/event-type.ts'
import { type OpenStatus, openStatus, readStatus } from '../src/status.ts'
import {
  drained,
  HOUR_22,
  idOf,
  live,
  newPlace,
  type Place,
  posts,
  produce,
  recordsOf,
  redis,
  rewind,
  useWorkshop,
} from './flows/worker-life.ts'
import { startRedis } from './redis-server.ts'
import { openPipe } from './streams/tcp-pipe.ts'

useWorkshop()

const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function configOf({ prefix, dataDir }: Place, url = redis.url) {
  return readConfig({ REDIS_URL: url, STREAM_PREFIX: prefix, DATA_DIR: dataDir })
}

function open(place: Place, url = redis.url): OpenStatus {
  const status = openStatus(configOf(place, url))
  closers.push(() => status.close())
  return status
}

const minute = (n: number) => HOUR_22 + n * 60_000
const postsOf = async (status: OpenStatus, now = minute(0)) => (await status.read(now)).streams[0]
const pendingOf = async (place: Place) => (await postsOf(open(place)))?.pending

/** Commits a range, and dies before its entries are deleted. */
async function committed(place: Place, from: number, to: number): Promise<void> {
  const died = () => Promise.reject(new Error('died here'))
  const { error } = await live(place, {
    range: { from: idOf(from), to: idOf(to) },
    batchSize: 2_000,
    fileRowsMax: 20_000,
    connection: () => ({ deleteEntries: died }),
  })
  expect(error?.message).toBe('died here')
}

async function callsOf(...commands: string[]): Promise<number[]> {
  const stats = await redis.client.info('commandstats')
  return commands.map(it => Number(stats.split(`cmdstat_${it}:calls=`)[1]?.split(',')[0] ?? 0))
}

async function connections(): Promise<number> {
  const stats = await redis.client.info('stats')
  return Number(/total_connections_received:(\d+)/.exec(stats)?.[1])
}

describe('the status', () => {
  test('tells how full each stream is, how old, and the newest commit', async () => {
    const place = newPlace()
    const status = open(place)
    await produce(place, posts(0, 9))
    await produce(place, posts(5, 6), 'likes')
    expect(await status.read(minute(10))).toEqual({
      healthy: true,
      streams: eventTypes.map(type => ({
        type,
        stream: `${place.prefix}${type}`,
        length: type === 'posts' ? 10 : type === 'likes' ? 2 : 0,
        pending: 0,
        oldestAgeSeconds: type === 'posts' ? 600 : type === 'likes' ? 300 : undefined,
      })),
      lastCommit: undefined,
    })
    expect((await postsOf(status, 0))?.oldestAgeSeconds).toBe(0)
    expect((await status.read(minute(15) - 1)).healthy).toBe(true)
    expect((await status.read(minute(15))).healthy).toBe(false)

    await drained(place, { range: { from: idOf(0), to: idOf(5) } })
    await drained(place, { type: 'likes' })
    const [newest] = await recordsOf(place, 'likes')
    expect(await status.read(minute(15))).toMatchObject({
      healthy: true,
      streams: [{ length: 4, pending: 0, oldestAgeSeconds: 540 }, { length: 0 }, {}, {}, {}],
      lastCommit: { runId: 'a-life', time: newest?.time },
    })
    expect(await readStatus(configOf(place), minute(15))).toEqual({
      healthy: true,
      streams: expect.arrayContaining([
        { type: 'posts', stream: `${place.prefix}posts`, length: 4, pending: 0, oldest_age_seconds: 540 },
        { type: 'likes', stream: `${place.prefix}likes`, length: 0, pending: 0, oldest_age_seconds: null },
      ]),
      last_run: { run_id: 'a-life', committed_at: newest?.time },
    })
  })

  test('is read over one connection, and asks Redis one thing of each stream', async () => {
    const place = newPlace()
    await produce(place, posts(0, 20))
    await drained(place, { range: { from: idOf(0), to: idOf(9) } })
    const status = open(place)
    await status.read(0)
    const [before, [xinfo = 0, ...others]] = [
      await connections(),
      await callsOf('xinfo|stream', 'xrange', 'get'),
    ]
    for (let n = 0; n < 3; n += 1) expect(await postsOf(status)).toMatchObject({ length: 11, pending: 0 })
    expect(await callsOf('xinfo|stream', 'xrange', 'get')).toEqual([xinfo + 15, ...others])
    expect(await connections()).toBe(before)
  })

  test('read by several at once is read once', async () => {
    const place = newPlace()
    const status = open(place)
    const [before = 0] = await callsOf('xinfo|stream')
    const [one, other] = await Promise.all([status.read(0), status.read(0)])
    expect(one).toBe(other)
    expect(await callsOf('xinfo|stream')).toEqual([before + 5])
    expect(await status.read(0)).not.toBe(one)
  })

  test('goes on by itself after Redis was away', async () => {
    const place = newPlace()
    const status = open(place)
    await status.read(0)
    await redis.kill()
    await expect(status.read(0)).rejects.toMatchObject({ code: 'redis-unreachable' })
    await redis.restart()
    await produce(place, posts(0, 2))
    expect(await postsOf(status)).toMatchObject({ length: 3 })
    await redis.restart()
    expect(await postsOf(status)).toMatchObject({ length: 3 })
  })

  test('of a Redis that hangs ends when it is closed, while it connects or waits for an answer', async () => {
    const pipe = await openPipe(redis.port)
    const hanging = await startRedis()
    closers.push(hanging.stop, pipe.close)
    process.kill(hanging.pid, 'SIGSTOP')
    const status = open(newPlace(), `redis://127.0.0.1:${pipe.port}`)
    await status.read(0)
    pipe.swallow()
    const waiting = [open(newPlace(), hanging.url), status]
    const reading = waiting.map(it => it.read(0).catch((error: unknown) => error))
    await expect.poll(pipe.swallowed).toBeGreaterThan(0)
    const startedAt = Date.now()
    for (const it of waiting) await it.close()
    for (const it of reading) expect(await it).toMatchObject({ code: 'redis-unreachable' })
    await expect(status.read(0)).rejects.toMatchObject({ code: 'redis-unreachable' })
    expect(Date.now() - startedAt).toBeLessThan(1_500)
  })

  test('reads no record of the log twice', async () => {
    const place = newPlace()
    await produce(place, posts(0, 29))
    await drained(place, { fileRowsMax: 10 })
    const status = open(place)
    await status.read(0)
    await produce(place, posts(30, 39))
    await committed(place, 30, 39)
    await writeFile(join(place.dataDir, recordPath(`${place.prefix}posts`, 1)), 'cannot be read any more')
    expect(await postsOf(status)).toMatchObject({ length: 10, pending: 10 })
  })

  test('is of the dataset that stands in DATA_DIR now', async () => {
    const [first, second] = [newPlace(), newPlace()]
    for (const place of [first, second]) {
      await produce(place, posts(0, 5))
      await drained(place)
    }
    const status = open(first)
    await status.read(0)
    await rename(first.dataDir, `${first.dataDir} of before`)
    await rename(second.dataDir, first.dataDir)
    const [commit] = await recordsOf({ ...second, dataDir: first.dataDir })
    expect((await status.read(0)).lastCommit?.time).toBe(commit?.time)
  })

  test('finds the dataset that is made after it was opened', async () => {
    const place = newPlace()
    const status = open(place)
    expect((await status.read(0)).lastCommit).toBeUndefined()
    await produce(place, posts(0, 9))
    await committed(place, 0, 3)
    expect(await status.read(0)).toMatchObject({ streams: [{ pending: 3 + 1 }, {}, {}, {}, {}] })
    expect((await status.read(0)).lastCommit).toMatchObject({ runId: 'a-life' })
  })

  test('of a log that cannot be trusted is a sentence, until that is restored', async () => {
    const place = newPlace()
    await produce(place, posts(0, 39))
    await drained(place, { fileRowsMax: 10 })
    const path = join(place.dataDir, recordPath(`${place.prefix}posts`, 2))
    const status = open(place)
    const kept = await readFile(path)
    await rename(path, `${path}.kept`)
    for (let n = 0; n < 2; n += 1) {
      await expect(status.read(0)).rejects.toMatchObject({
        code: 'unreadable-record',
        message: `Record 2 of ${place.prefix}posts is missing. bin/skydrain verify lists everything that is wrong.`,
      })
    }
    await expect(readStatus(configOf(place), 0)).rejects.toMatchObject({ code: 'unreadable-record' })
    await writeFile(path, kept.subarray(0, 100))
    await expect(status.read(0)).rejects.toThrow(/0002\.json cannot be read: it is no whole JSON/)
    await writeFile(path, kept)
    expect((await status.read(0)).lastCommit).toMatchObject({ runId: 'a-life' })
  })
})

describe('pending entries are those that are in the dataset and still on the stream', () => {
  test('also where ranges are drained side by side, each as far as it is', async () => {
    const place = newPlace()
    await produce(place, posts(0, 99))
    await drained(place, { range: { from: idOf(50), to: idOf(59) } })
    expect(await pendingOf(place)).toBe(0)
    await committed(place, 60, 66)
    await committed(place, 10, 19)
    await committed(place, 90, 99)
    expect(await pendingOf(place)).toBe(7 + 10 + 10)
    await drained(place, { range: { from: idOf(60), to: idOf(66) } })
    expect(await pendingOf(place)).toBe(20)
    await drained(place)
    await produce(place, posts(100, 105))
    expect(await pendingOf(place)).toBe(0)
  })

  test('also where the oldest entry of the stream is one of them', async () => {
    const place = newPlace()
    await produce(place, posts(0, 20))
    await committed(place, 0, 4)
    await redis.client.xdel(`${place.prefix}posts`, idOf(0), idOf(3))
    expect(await pendingOf(place)).toBe(3)
  })

  test('also after Redis was rewound', async () => {
    const place = newPlace()
    await produce(place, posts(0, 1_299))
    await drained(place, { fileRowsMax: 100 })
    await rewind(place, [...posts(0, 1_299), ...posts(1_400, 1_499)])
    expect(await pendingOf(place)).toBe(1_300)
  })

  test('and are counted to 10,000', async () => {
    const place = newPlace()
    await produce(place, posts(0, 10_200))
    await committed(place, 0, 10_200)
    const [before = 0] = await callsOf('xrange')
    expect(await pendingOf(place)).toBe(10_000)
    expect((await callsOf('xrange'))[0]).toBeLessThan(before + 30)
  })

  test('and what lies between two ranges is not read', async () => {
    const place = newPlace()
    await produce(place, posts(0, 2_999))
    await committed(place, 0, 9)
    await committed(place, 2_990, 2_999)
    const [before = 0] = await callsOf('xrange')
    expect(await pendingOf(place)).toBe(20)
    expect((await callsOf('xrange'))[0]).toBeLessThanOrEqual(before + 3)
  })
})
