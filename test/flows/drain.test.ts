import { DateTime } from 'luxon'
import { describe, expect, test } from 'vitest'

import { idsOfWindow } from '../../src/flows/time-window.ts'
import { compareIds } from '../../src/records/stream-entry.ts'
import {
  drained,
  expected,
  HOUR_22,
  idOf,
  idsOfFile,
  killConnections,
  lengthOf,
  live,
  newPlace,
  posts,
  produce,
  published,
  recordsOf,
  redis,
  stagingOf,
  useWorkshop,
} from './worker-life.ts'

useWorkshop()

describe.each(['duckdb', 'parquetjs'] as const)('a drain (%s)', writer => {
  test('moves every entry into the dataset, rows by the hour of their event, and empties the stream', async () => {
    const place = newPlace()
    await produce(place, posts(0, 130))
    const counts = await drained(place, { writer })
    expect(await published(place)).toEqual(expected(posts(0, 130)))
    expect(await lengthOf(place)).toBe(0)
    expect(await stagingOf(place)).toEqual([])
    const [record, ...others] = await recordsOf(place)
    expect(others).toEqual([])
    expect(record?.files.map(({ partition, rows }) => [partition, rows])).toEqual([
      ['year=2026/month=11/day=21/hour=22/type=posts', 54],
      ['year=2026/month=11/day=21/hour=23/type=posts', 54],
      ['year=2026/month=11/day=22/hour=00/type=posts', 10],
    ])
    expect(counts).toMatchObject({ read: 131, written: 118, rejected: 13, duplicates: 0, deleted: 131 })
    expect(counts).toMatchObject({
      files: 3,
      length: 131,
      remaining: 0,
      rejectedBy: { 'unknown-operation': 13 },
    })
    expect(counts.bytes).toBe(record?.files.reduce((sum, { bytes }) => sum + bytes, 0))
  })

  test('commits at FILE_ROWS_MAX entries, rejected ones counted, and ids strictly increase from commit to commit', async () => {
    const place = newPlace()
    await produce(place, posts(0, 99))
    await drained(place, { writer, batchSize: 7, fileRowsMax: 16 })
    const records = await recordsOf(place)
    expect(records.map(({ runs }) => runs[0]?.[2])).toEqual([16, 16, 16, 16, 16, 16, 4])
    const ends = records.flatMap(({ runs }) => runs.flatMap(run => [run[0], run[1]]))
    expect(ends).toEqual(ends.toSorted(compareIds))
    for (const { path } of records.flatMap(({ files }) => files)) {
      const ids = await idsOfFile(place, path)
      expect(ids).toEqual([...new Set(ids)].sort(compareIds))
    }
    expect(await published(place)).toEqual(expected(posts(0, 99)))
  })
})

test('entries that no row can be made of are in the same commit as their neighbours', async () => {
  const place = newPlace()
  const bad = ['not json', '[]', '{"kind":"commit"}'].map((text, n) => ({
    id: idOf(n),
    did: 'rejected',
    text,
  }))
  const good = posts(10, 12)
  await produce(place, [...bad, ...good])
  const counts = await drained(place)
  expect(await recordsOf(place)).toMatchObject([{ files: [{ rows: 3 }], rejected: { rows: 3 } }])
  expect(await published(place)).toEqual(expected([...bad, ...good]))
  expect(counts.rejectedBy).toEqual({ 'bad-json': 1, 'not-an-object': 1, 'other-collection': 1 })
})

test('a stream of nothing but bad entries is emptied without a Parquet file', async () => {
  const place = newPlace()
  await produce(
    place,
    [9, 19, 29].flatMap(n => posts(n, n)),
  )
  expect(await drained(place)).toMatchObject({ read: 3, written: 0, rejected: 3, deleted: 3, files: 0 })
  expect(await recordsOf(place)).toMatchObject([
    { files: [], rejected: { rows: 3 }, runs: [[idOf(9), idOf(29), 3]] },
  ])
})

test('a stream that is empty, or not there, leaves no commit', async () => {
  const place = newPlace()
  expect(await drained(place)).toMatchObject({ read: 0, length: 0, remaining: 0 })
  await produce(place, posts(1, 3))
  await drained(place)
  expect(await drained(place)).toMatchObject({ read: 0, length: 0, remaining: 0 })
  expect(await recordsOf(place)).toHaveLength(1)
})

test('a window takes the entries from its start to before its end, and no other', async () => {
  const place = newPlace()
  await produce(place, posts(0, 40))
  const at = (minute: number) => DateTime.fromMillis(HOUR_22 + minute * 60_000)
  const counts = await drained(place, { range: idsOfWindow({ from: at(10), to: at(20) }), batchSize: 3 })
  expect(counts).toMatchObject({ read: 10, remaining: 0 })
  expect(await published(place)).toEqual(expected(posts(10, 19)))
  expect(await lengthOf(place)).toBe(31)
  await drained(place)
  expect(await published(place)).toEqual(expected(posts(0, 40)))
})

test('the entry behind the last sequence of a millisecond is read once, as every other', async () => {
  const place = newPlace()
  const last = '18446744073709551615'
  const ids = [`5-${last}`, '6-0', `6-${last}`, '8-0', `18446744073709551615-${last}`]
  const produced = ids.map(id => ({ id, did: `did:plc:${id}` }))
  await produce(place, produced)
  expect(await drained(place, { batchSize: 1, fileRowsMax: 2 })).toMatchObject({
    read: 5,
    written: 5,
    deleted: 5,
  })
  expect(await published(place)).toEqual(expected(produced))
  expect(await lengthOf(place)).toBe(0)
})

test('entries that come while it drains are for the next run', async () => {
  const place = newPlace()
  await produce(place, posts(0, 20))
  const counts = await drained(place, {
    batchSize: 5,
    connection: ({ inspect }) => ({
      inspect: async () => {
        const state = await inspect()
        await produce(place, posts(21, 25))
        return state
      },
    }),
  })
  expect(counts).toMatchObject({ read: 21, remaining: 0 })
  expect(await published(place)).toEqual(expected(posts(0, 20)))
  expect(await lengthOf(place)).toBe(5)
})

test('where its time is over before it begins nothing is read, and everything remains', async () => {
  const place = newPlace()
  await produce(place, posts(0, 20))
  const read = () => expect.unreachable('it read')
  expect(await drained(place, { readUntil: Date.now() - 1, connection: () => ({ read }) })).toMatchObject({
    read: 0,
    length: 21,
    remaining: 21,
  })
  expect(await lengthOf(place)).toBe(21)
})

test('where its time ends between two batches the commit in hand is finished, and the rest told', async () => {
  const place = newPlace()
  await produce(place, posts(0, 20))
  let batches = 0
  const counts = await drained(place, {
    batchSize: 4,
    readUntil: 1_000,
    now: () => (batches < 2 ? 999 : 1_000),
    connection: ({ read }) => ({
      read: async (range, count) => {
        batches += 1
        return await read(range, count)
      },
    }),
  })
  expect(counts).toMatchObject({ read: 8, deleted: 8, remaining: 13 })
  expect(batches).toBe(2)
  expect(await published(place)).toEqual(expected(posts(0, 7)))
})

test('an abort between two batches leaves no staging and loses nothing', async () => {
  const place = newPlace()
  await produce(place, posts(0, 30))
  const controller = new AbortController()
  let batches = 0
  const { error, counts } = await live(place, {
    batchSize: 10,
    signal: controller.signal,
    connection: ({ read }) => ({
      read: async (range, count) => {
        batches += 1
        if (batches === 2) controller.abort(new Error('cancelled by an operator'))
        return await read(range, count)
      },
    }),
  })
  expect(error?.message).toBe('cancelled by an operator')
  expect(batches).toBe(2)
  expect(counts.read).toBe(0)
  expect(await stagingOf(place)).toEqual([])
  expect(await recordsOf(place)).toEqual([])
  expect(await lengthOf(place)).toBe(31)
  await drained(place)
  expect(await published(place)).toEqual(expected(posts(0, 30)))
})

test('entries are deleted only on the connection that read them: the next run compares, then only deletes', async () => {
  const place = newPlace()
  await produce(place, posts(0, 30))
  const { error } = await live(place, {
    connection: ({ deleteEntries }) => ({
      deleteEntries: async ids => {
        expect(await killConnections()).toBe(1)
        return await deleteEntries(ids)
      },
    }),
  })
  expect(error).toMatchObject({ code: 'redis-unreachable', retry: true })
  expect(await lengthOf(place)).toBe(31)
  expect(await published(place)).toEqual(expected(posts(0, 30)))

  const counts = await drained(place, { batchSize: 7 })
  expect(counts).toMatchObject({ read: 31, written: 0, rejected: 0, duplicates: 31, deleted: 31, files: 0 })
  expect(await lengthOf(place)).toBe(0)
  expect(await published(place)).toEqual(expected(posts(0, 30)))
  expect(await recordsOf(place)).toHaveLength(1)
})

test('nothing is deleted before its commit is published', async () => {
  const place = newPlace()
  await produce(place, posts(0, 30))
  let deletions = 0
  await drained(place, {
    batchSize: 7,
    fileRowsMax: 10,
    connection: ({ deleteEntries }) => ({
      deleteEntries: async ids => {
        deletions += 1
        const seen = new Set((await published(place)).map(line => line.split(' ')[0]))
        for (const id of ids) expect(seen).toContain(id)
        return await deleteEntries(ids)
      },
    }),
  })
  expect(deletions).toBe(4)
})

test('the connections of a drain are closed, whatever comes', async () => {
  const place = newPlace()
  await produce(place, posts(0, 3))
  await live(place, { connection: () => ({ read: () => Promise.reject(new Error('broken')) }) })
  await drained(place)
  const ours = async () => String(await redis.client.client('LIST')).match(/ name=skydrain /g)
  await expect.poll(ours).toBeNull()
})
