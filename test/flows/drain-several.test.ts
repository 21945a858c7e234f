import { setImmediate } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { nodeDisk } from '../../src/dataset/disk.ts'
import { LAST_ID } from '../../src/records/stream-entry.ts'
import {
  drained,
  expected,
  idOf,
  type Life,
  lengthOf,
  live,
  newPlace,
  posts,
  produce,
  published,
  recordsOf,
  rewind,
  stagingOf,
  useWorkshop,
} from './worker-life.ts'

useWorkshop()

/** Lets nobody through before so many have come. */
function barrier(parties: number): () => Promise<void> {
  let waiting = parties
  let open: () => void = () => undefined
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return async () => {
    waiting -= 1
    if (waiting <= 0) open()
    await opened
  }
}

/** A life that meets the others right before its first record is linked. */
function meeting(arrive: () => Promise<void>, life: Life = {}): Life {
  let met = false
  return {
    ...life,
    disk: {
      ...nodeDisk,
      link: async (from, to) => {
        if (to.includes('/_log/') && !met) {
          met = true
          await arrive()
        }
        await nodeDisk.link(from, to)
      },
    },
  }
}

test('two drains of one stream at once write every entry exactly once', async () => {
  const place = newPlace()
  await produce(place, posts(0, 99))
  const arrive = barrier(2)
  const lives = [
    { batchSize: 7, fileRowsMax: 16 },
    { batchSize: 10, fileRowsMax: 23 },
  ]
  const counts = await Promise.all(lives.map(life => drained(place, meeting(arrive, life))))
  expect(await published(place)).toEqual(expected(posts(0, 99)))
  expect(await lengthOf(place)).toBe(0)
  const sum = (of: 'written' | 'rejected' | 'deleted') => counts.reduce((all, one) => all + one[of], 0)
  expect([sum('written'), sum('rejected')]).toEqual([90, 10])
  expect(sum('deleted')).toBe(100)
  for (const { read, written, rejected, duplicates } of counts)
    expect(read).toBe(written + rejected + duplicates)
  // One of them was overtaken at its first record: its staging is left for the cleaner.
  expect(await stagingOf(place)).not.toEqual([])
  await drained(place, { now: () => Date.now() + 3_600_000 })
  expect(await stagingOf(place)).toEqual([])
})

test('drains of disjoint ranges of one stream all commit, side by side', async () => {
  const place = newPlace()
  await produce(place, posts(0, 89))
  const arrive = barrier(3)
  const ranges = [
    { from: '0-0', to: idOf(29) },
    { from: idOf(30), to: idOf(59) },
    { from: idOf(60), to: LAST_ID },
  ]
  const counts = await Promise.all(
    ranges.map(range => drained(place, meeting(arrive, { range, batchSize: 8 }))),
  )
  expect(counts.map(({ read }) => read)).toEqual([30, 30, 30])
  expect(await published(place)).toEqual(expected(posts(0, 89)))
  expect(await lengthOf(place)).toBe(0)
  expect(await recordsOf(place)).toHaveLength(3)
  expect(await stagingOf(place)).toEqual([])
})

test('a drain that finds its entries committed by another while it encoded them only deletes them', async () => {
  const place = newPlace()
  await produce(place, posts(0, 20))
  let raced = false
  const late = await live(place, {
    disk: {
      ...nodeDisk,
      syncFile: async path => {
        if (!raced) {
          raced = true
          await drained(place)
          // And Redis is rewound in the same moment, so that they are all there again.
          await rewind(place, posts(0, 20))
        }
        await nodeDisk.syncFile(path)
      },
    },
  })
  expect(late.error).toBeUndefined()
  expect(late.counts).toMatchObject({ read: 21, written: 0, rejected: 0, duplicates: 21, deleted: 21 })
  expect(await published(place)).toEqual(expected(posts(0, 20)))
})

test('an entry that collides is told once, also where the first try to commit it was overtaken', async () => {
  const place = newPlace()
  await produce(place, posts(0, 8))
  await drained(place)
  const other = { id: idOf(5), did: 'did:plc:other' }
  await rewind(place, [other, ...posts(10, 12)])
  let raced = false
  const { counts, error } = await live(place, {
    disk: {
      ...nodeDisk,
      syncFile: async path => {
        if (!raced) {
          raced = true
          await drained(place, { range: { from: idOf(11), to: idOf(11) } })
        }
        await nodeDisk.syncFile(path)
      },
    },
  })
  expect(error).toBeUndefined()
  expect(counts).toMatchObject({ read: 3, written: 3, collisions: 1 })
  expect(await published(place)).toEqual(expected([...posts(0, 8), other, ...posts(10, 12)]))
})

test('readers see only whole files and no row twice, at any moment of two drains', async () => {
  const place = newPlace()
  await produce(place, posts(0, 99))
  const whole = new Set(expected(posts(0, 99)))
  let isOver = false
  let looks = 0
  const look = async () => {
    for (; !isOver; looks += 1) {
      const seen = await published(place)
      expect(new Set(seen).size).toBe(seen.length)
      for (const line of seen) expect(whole).toContain(line)
      await setImmediate()
    }
  }
  const looking = look()
  await Promise.all([
    drained(place, { batchSize: 7, fileRowsMax: 9, writer: 'duckdb' }),
    drained(place, { batchSize: 5, fileRowsMax: 8 }),
  ])
  isOver = true
  await looking
  expect(looks).toBeGreaterThan(3)
  expect(await published(place)).toEqual(expected(posts(0, 99)))
})
