import { describe, expect, test } from 'vitest'

import {
  drained,
  expected,
  idOf,
  lengthOf,
  live,
  newPlace,
  type Produced,
  posts,
  produce,
  published,
  recordsOf,
  redis,
  rewind,
  useWorkshop,
} from './worker-life.ts'

useWorkshop()

/** A place whose stream was drained in several commits. */
async function drainedPlace(writer: 'duckdb' | 'parquetjs', produced: readonly Produced[]) {
  const place = newPlace()
  await produce(place, produced)
  await drained(place, { writer, fileRowsMax: 16 })
  expect(await published(place)).toEqual(expected(produced))
  return place
}

describe.each(['duckdb', 'parquetjs'] as const)('after Redis was rewound (%s)', writer => {
  test('entries that the dataset holds are deleted and not written again, rejected ones too', async () => {
    const place = await drainedPlace(writer, posts(0, 50))
    const commits = (await recordsOf(place)).length
    await rewind(place, posts(0, 50))
    const counts = await drained(place, { writer, batchSize: 9 })
    expect(counts).toMatchObject({ read: 51, duplicates: 51, deleted: 51, written: 0, rejected: 0, files: 0 })
    expect(await lengthOf(place)).toBe(0)
    expect(await published(place)).toEqual(expected(posts(0, 50)))
    expect(await recordsOf(place)).toHaveLength(commits)
  })

  test('also where only some came back, among new ones that follow', async () => {
    const place = await drainedPlace(writer, posts(0, 50))
    await rewind(place, [...posts(0, 4), ...posts(29, 31), ...posts(48, 70)])
    const counts = await drained(place, { writer, batchSize: 6 })
    expect(counts).toMatchObject({
      read: 31,
      duplicates: 11,
      written: 18,
      rejected: 2,
      deleted: 31,
      collisions: 0,
    })
    expect(await published(place)).toEqual(expected(posts(0, 70)))
  })

  test('entries that are new to the dataset are written, although their ids lie below committed ones', async () => {
    const gaps = posts(0, 50).filter((_, n) => n % 3 !== 1)
    const place = await drainedPlace(writer, gaps)
    await rewind(place, posts(0, 50))
    const counts = await drained(place, { writer, batchSize: 9 })
    expect(counts).toMatchObject({ read: 51, duplicates: gaps.length, collisions: 0 })
    expect(await published(place)).toEqual(expected(posts(0, 50)))
    await rewind(place, posts(0, 50))
    expect(await drained(place, { writer })).toMatchObject({ read: 51, duplicates: 51, written: 0 })
    expect(await published(place)).toEqual(expected(posts(0, 50)))
  })

  test('an id that comes back with other content is kept beside the old one, told once, and then known', async () => {
    const place = await drainedPlace(writer, posts(0, 30))
    const other = { id: idOf(5), did: 'did:plc:of-the-other-master' }
    const both = expected([...posts(0, 30), other])
    await rewind(place, [...posts(3, 4), other, ...posts(6, 7)])
    const { counts, warnings, error } = await live(place, { writer })
    expect(error).toBeUndefined()
    expect(counts).toMatchObject({ read: 5, duplicates: 4, written: 1, collisions: 1, deleted: 5 })
    expect(warnings).toEqual([expect.stringContaining(`1 posts carry an id`)])
    expect(warnings[0]).toContain(idOf(5))
    expect(await published(place)).toEqual(both)

    for (const again of [posts(5, 5), [other]]) {
      await rewind(place, again)
      const second = await live(place, { writer })
      expect(second.counts).toMatchObject({ read: 1, duplicates: 1, written: 0, collisions: 0, deleted: 1 })
      expect(second.warnings).toEqual([])
      expect(await published(place)).toEqual(both)
    }
  })

  test('a row and a rejected entry under one id are told apart, whichever came first', async () => {
    const place = await drainedPlace(writer, posts(0, 30))
    const bad = { id: idOf(5), did: 'rejected', text: 'not json' }
    const good = { id: idOf(19), did: 'did:plc:good-now' }
    const otherBad = { id: idOf(29), did: 'rejected', text: 'bad in another way' }
    const others = [bad, good, otherBad]
    for (const collisions of [3, 0]) {
      await rewind(place, others)
      const { counts } = await live(place, { writer })
      expect(counts).toMatchObject({ read: 3, collisions, duplicates: 3 - collisions, deleted: 3 })
      expect(await published(place)).toEqual(expected([...posts(0, 30), ...others]))
    }
  })
})

test('a server that lost its last seconds gives entries again, and every one is still there once', async () => {
  const place = newPlace()
  await produce(place, posts(0, 20))
  await drained(place, { range: { from: '0-0', to: idOf(9) } })
  const dump = await redis.client.dumpBuffer(`${place.prefix}posts`)
  await drained(place)
  await produce(place, posts(21, 25))
  await redis.client.restore(`${place.prefix}posts`, 0, dump, 'REPLACE')
  expect(await lengthOf(place)).toBe(11)
  // The producers go on after the rewind, and give ids that the lost entries had.
  const after = { id: idOf(22), did: 'did:plc:after-the-rewind' }
  await produce(place, [after])
  expect(await drained(place)).toMatchObject({ read: 12, duplicates: 11, written: 1, collisions: 0 })
  expect(await published(place)).toEqual(expected([...posts(0, 20), after]))
})

test('an entry with other fields beside the same data is another entry', async () => {
  const place = newPlace()
  const [post] = posts(1, 1)
  await produce(place, posts(1, 1))
  const [[, fields = []] = []] = await redis.client.xrange(`${place.prefix}posts`, '-', '+')
  await drained(place)
  await redis.client.del(`${place.prefix}posts`)
  await redis.client.xadd(`${place.prefix}posts`, post?.id ?? '', ...fields, 'trace', 'x')
  expect(await drained(place)).toMatchObject({ read: 1, written: 1, collisions: 1 })
  expect(await published(place)).toEqual(expected([...posts(1, 1), ...posts(1, 1)]))
})
