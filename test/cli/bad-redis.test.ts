import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { freePort } from '../redis-server.ts'
import { expectRowsOnce } from './read-back.ts'
import { documentOf, sentenceOf } from './skydrain.ts'
import {
  addDeletes,
  drained,
  filesBelow,
  lengths,
  noEntries,
  openWorld,
  type RunDocument,
  type World,
} from './world.ts'

// Tests run side by side here, each in a place of its own.
vi.setConfig({ testTimeout: 180_000 })

let world: World

beforeAll(async () => {
  world = await openWorld()
})

afterAll(() => world?.close())

const RUN = ['run', 'data-writer', '--local']

test.concurrent('a Redis that does not answer: 69, at once, with its address and what to set', async () => {
  const port = await freePort()
  const place = await world.place('unreachable', { REDIS_URL: `redis://127.0.0.1:${port}` })
  for (const words of [[...RUN, '--json'], ['status'], ['load', '-']]) {
    const ended = await place.run(...words)
    expect(sentenceOf(ended)).toBe(
      `skydrain: Redis at redis://127.0.0.1:${port} does not answer (ECONNREFUSED). Start it, or set REDIS_URL to the right address.`,
    )
    expect(ended.code).toBe(69)
  }
})

test.concurrent('a host that no name server knows: 69, with its name and without the password', async () => {
  const url = 'redis://user:canary-7f3b1e-password@no-such-host.invalid:6379'
  const place = await world.place('nohost', { REDIS_URL: url, REDIS_PASSWORD: '' })
  const ended = await place.run(...RUN)
  expect(sentenceOf(ended)).toMatch(
    /^skydrain: Redis at redis:\/\/no-such-host\.invalid:6379 does not answer \(E\w+\)\./,
  )
  expect(ended.code).toBe(69)
})

for (const [what, password] of [
  ['wrong', 'canary-7f3b1e-password but wrong'],
  ['missing', ''],
] as const) {
  test.concurrent(`a ${what} password: 69, with the variable to set, and the entries stay`, async () => {
    const place = await world.place(`password_${what}`)
    await addDeletes(place, 'likes', 3)
    for (const words of [RUN, ['status']]) {
      const ended = await place.with({ REDIS_PASSWORD: password }).run(...words)
      expect(sentenceOf(ended)).toMatch(
        /refuses the login \((WRONGPASS|NOAUTH)\)\. Set REDIS_PASSWORD, and REDIS_USERNAME/,
      )
      expect(ended.code).toBe(69)
    }
    expect(await lengths(place)).toEqual({ ...noEntries, likes: 3 })
    await drained(place)
    await expectRowsOnce(place, { likes: 3 })
  })
}

test.concurrent('a user without the right to delete: 69 with the right that lacks; what was written is deleted later', async () => {
  const place = await world.place('acl')
  await addDeletes(place, 'likes', 3)
  const rights = ['on', '>canary-7f3b1e-password', '~*', '+@all', '-xdel']
  await world.redis.client.acl('SETUSER', 'reader', ...rights)
  const ended = await place.with({ REDIS_USERNAME: 'reader' }).run(...RUN, '--json')
  expect(ended.stderr).toMatch(
    /^skydrain: likes: Redis at .* does not let this user do it: NOPERM .*xdel.* Give the ACL user that right\.\n$/,
  )
  expect(ended.code).toBe(69)
  expect(documentOf(ended)).toMatchObject({ state: 'Failed', error: expect.stringContaining('NOPERM') })
  expect(await lengths(place)).toEqual({ ...noEntries, likes: 3 })
  expect((await drained(place)).types.likes).toMatchObject({ read: 3, written: 0, duplicates: 3, deleted: 3 })
  await expectRowsOnce(place, { likes: 3 })
})

test.concurrent('a string under a stream’s name: 1, with its name and the mend, and the other streams are drained', async () => {
  const place = await world.place('string')
  await place.client.set('string_posts', 'no stream')
  await addDeletes(place, 'likes', 3)
  await addDeletes(place, 'blocks', 2)
  const ended = await place.run(...RUN, '--json')
  expect(ended.stderr).toMatch(
    /^skydrain: posts: string_posts is no stream in Redis at redis:\S+ Rename or delete that key, or set STREAM_PREFIX .*\n$/,
  )
  expect(ended.code).toBe(1)
  const done = documentOf<RunDocument>(ended)
  expect(done).toMatchObject({ state: 'Failed', types: { likes: { written: 3 }, blocks: { written: 2 } } })
  expect(await place.client.get('string_posts')).toBe('no stream')
  await place.client.del('string_posts')
  await drained(place)
  await expectRowsOnce(place, { likes: 3, blocks: 2 })
})

test.concurrent('status names a key that is no stream, as run does, with 1', async () => {
  const place = await world.place('string_status')
  await place.client.set('string_status_posts', 'no stream')
  const ended = await place.run('status')
  expect(sentenceOf(ended)).toMatch(/string_status_posts is no stream/)
  expect(ended.code).toBe(1)
})

test.concurrent('another group on a stream: 1 with its name, nothing is taken, until ALLOW_OTHER_GROUPS drains all', async () => {
  const place = await world.place('group')
  await addDeletes(place, 'likes', 3)
  await addDeletes(place, 'posts', 2)
  await place.client.xgroup('CREATE', 'group_likes', 'analytics', '0')
  const ended = await place.run(...RUN)
  expect(ended.stderr).toMatch(
    /^skydrain: likes: The stream group_likes has another consumer group, analytics, .* or set ALLOW_OTHER_GROUPS=true\.\n$/,
  )
  expect(ended.code).toBe(1)
  expect(await lengths(place)).toEqual({ ...noEntries, likes: 3 })
  expect(await filesBelow(place.dataDir, '.parquet')).toHaveLength(1)
  await drained(place.with({ ALLOW_OTHER_GROUPS: 'true' }))
  await expectRowsOnce(place, { likes: 3, posts: 2 })
})

test.concurrent('another dataset’s mark: 1 with both ways out, nothing is taken, until ALLOW_OTHER_GROUPS drains all', async () => {
  const place = await world.place('mark')
  await drained(place)
  await addDeletes(place, 'likes', 3)
  const other = place.with({ DATA_DIR: 'another' })
  const ended = await other.run(...RUN)
  expect(ended.stderr).toMatch(
    /The stream mark_likes is drained into another dataset \(.*\)\. Set DATA_DIR to that dataset, delete the key mark_likes:skydrain /,
  )
  expect(ended.code).toBe(1)
  expect(await lengths(place)).toEqual({ ...noEntries, likes: 3 })
  const moved = place.with({ DATA_DIR: `${place.cwd}/another`, ALLOW_OTHER_GROUPS: 'true' })
  await drained(moved)
  await expectRowsOnce(moved, { likes: 3 })
})

test('a Redis at maxmemory without eviction takes no event, and is drained to the last entry', async () => {
  const place = await world.place('full')
  await addDeletes(place, 'likes', 500)
  await addDeletes(place, 'posts', 500)
  await world.redis.client.config('SET', 'maxmemory-policy', 'noeviction')
  await world.redis.client.config('SET', 'maxmemory', '1mb')
  try {
    const refused = await place.run('generate', '--events', '10', '--json')
    expect(sentenceOf(refused)).toMatch(
      /is full and refuses writes \(OOM\)\. Drain it with .* 0 events were put on the streams before that\.$/,
    )
    expect(refused.code).toBe(1)
    const done = await drained(place)
    expect(done.types.likes).toMatchObject({ read: 500, written: 500, deleted: 500 })
    expect(await lengths(place)).toEqual(noEntries)
  } finally {
    await world.redis.client.config('SET', 'maxmemory', '0')
  }
  await expectRowsOnce(place, { likes: 500, posts: 500 })
})
