import { afterAll, beforeAll, expect, test } from 'vitest'

import { expectExactlyOnce } from './read-back.ts'
import { documentOf } from './skydrain.ts'
import { openWorld, type RunDocument, type World } from './world.ts'

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
  expect(ended.stderr).toContain(
    'entries of giant_posts are more than 64 MB; they are read again, fewer at a time.',
  )
  const { types } = documentOf<RunDocument>(ended)
  expect(types.posts).toMatchObject({ read: 40, written: 40, rejected: 0, duplicates: 0, deleted: 40 })
  await expectExactlyOnce(place, { posts: 40 })
  const lengths = await place.run('query', '--json', 'SELECT DISTINCT length(text) AS n FROM posts')
  expect(documentOf(lengths)).toEqual([{ n: 5_000_000 }])
})
