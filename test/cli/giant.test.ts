import { afterAll, beforeAll, expect, test } from 'vitest'

import { expectExactlyOnce } from './read-back.ts'
import { documentOf } from './skydrain.ts'
import { openWorld, type RunDocument, verified, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await openWorld()
})

afterAll(() => world?.close())

test('40 entries of 5 MB on one stream: the reply is cut, read again with fewer, and all are drained', async () => {
  const place = await world.place('giant')
  for (let n = 0; n < 40; n += 1) {
    const record = { text: String.fromCodePoint(97 + (n % 26)).repeat(5_000_000) }
    const commit = { operation: 'create', collection: 'app.bsky.feed.post', rkey: `r${n}`, record }
    const event = { did: 'did:plc:giant', time_us: 1_795_298_700_123_456 + n, kind: 'commit', commit }
    await place.client.xadd('giant_posts', '*', 'data', JSON.stringify(event))
  }
  const ended = await place.run('run', 'data-writer', '--local', '--json')
  expect(ended.code, ended.stderr).toBe(0)
  expect(ended.stderr).toBe('')
  const { types } = documentOf<RunDocument>(ended)
  expect(types.posts).toMatchObject({ read: 40, written: 40, rejected: 0, duplicates: 0, deleted: 40 })
  await expectExactlyOnce(place, { posts: 40 })
  const lengths = await place.run('query', '--json', 'SELECT DISTINCT length(text) AS n FROM posts')
  expect(documentOf(lengths)).toEqual([{ n: 5_000_000 }])
})

test('large entries behind small ones, and one over 64 MB among them, are drained in one run', async () => {
  const place = await world.place('mixed', { ENTRY_BYTES_MAX: '100000' })
  const sizes = [...Array(1_000).fill(300), ...Array(100).fill(1_000_000), 68_000_000, ...Array(10).fill(300)]
  for (const size of sizes) await place.client.xadd('mixed_posts', '*', 'data', 'x'.repeat(size))
  const ended = await place.run('run', 'data-writer', '--local', '--json')
  expect(ended.code, ended.stderr).toBe(0)
  const { types } = documentOf<RunDocument>(ended)
  expect(types.posts).toMatchObject({ read: 1_111, rejected: 1_111, deleted: 1_111 })
})

test('an entry of 95 MB of NUL, whose JSON would be no possible string, is rejected and kept whole', async () => {
  const place = await world.place('nul')
  await place.client.xadd('nul_posts', '*', 'data', Buffer.alloc(95_000_000))
  const ended = await place.run('run', 'data-writer', '--local', '--json')
  expect(ended.code, ended.stderr).toBe(0)
  expect(documentOf<RunDocument>(ended).types.posts).toMatchObject({ read: 1, rejected: 1, deleted: 1 })
  expect(await verified(place)).toMatchObject({ ok: true })
})
