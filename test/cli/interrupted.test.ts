import { afterAll, beforeAll, expect, test } from 'vitest'

import { expectExactlyOnce, expectNothingLost } from './read-back.ts'
import { copySeed, seedStreams } from './seed.ts'
import { documentOf, startSkydrain } from './skydrain.ts'
import {
  drained,
  lengths,
  openWorld,
  type RunDocument,
  recordsOf,
  sumOf,
  type World,
  waitFor,
} from './world.ts'

const RUN = ['run', 'data-writer', '--local', '--json']
/** A loaded machine needs most of it for the commit in hand. */
const ENDS_WITHIN_MS = 8_000

let world: World

beforeAll(async () => {
  world = await openWorld()
  await seedStreams(world, 25_000)
})

afterAll(() => world?.close())

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} in the middle of a run: 130 within seconds, nothing lost; the next run ends the work`, async () => {
    const place = await world.place(`stopped_${signal}`, { FILE_ROWS_MAX: '500', BATCH_SIZE: '500' })
    const loaded = await copySeed(place)
    const running = place.start(...RUN)
    await waitFor('the first commit', async () => (await recordsOf(place, 'likes')).length > 0)
    const sentAt = Date.now()
    running.child.kill(signal)
    const ended = await running.ended
    expect(ended.code).toBe(130)
    expect(ended.signal).toBe(null)
    expect(Date.now() - sentAt).toBeLessThan(ENDS_WITHIN_MS)
    expect(documentOf(ended)).toMatchObject({ run_id: expect.any(String), state: 'Cancelled' })
    expect((await lengths(place)).likes).toBeGreaterThan(0)
    await expectNothingLost(place, loaded)

    await drained(place.with({ FILE_ROWS_MAX: '50000' }))
    await expectExactlyOnce(place, loaded)
  })
}

test('a run that is interrupted says what it has done all the same', async () => {
  const place = await world.place('stopped_report', { FILE_ROWS_MAX: '500', BATCH_SIZE: '500' })
  await copySeed(place)
  const running = place.start(...RUN, '--param', 'types=likes')
  await waitFor('the first commit', async () => (await recordsOf(place, 'likes')).length > 0)
  running.child.kill('SIGINT')
  const { types, remaining } = documentOf<RunDocument>(await running.ended)
  expect(types.likes?.written).toBeGreaterThan(0)
  expect(remaining).toBe((await lengths(place)).likes)
})

test('SIGKILL in the middle of a run: nothing lost; the next run ends the work, and doubles nothing', async () => {
  const place = await world.place('killed', { FILE_ROWS_MAX: '500', BATCH_SIZE: '500' })
  const loaded = await copySeed(place)
  for (const commits of [1, 4]) {
    const running = place.start(...RUN)
    await waitFor(`${commits} commits`, async () => (await recordsOf(place, 'likes')).length >= commits)
    running.child.kill('SIGKILL')
    expect(await running.ended).toMatchObject({ code: null, signal: 'SIGKILL' })
    expect((await lengths(place)).likes).toBeGreaterThan(0)
    await expectNothingLost(place, loaded)
  }
  await drained(place.with({ FILE_ROWS_MAX: '50000' }))
  await expectExactlyOnce(place, loaded)
})

test('two runs at once on the same streams and dataset: both complete, and write each entry once', async () => {
  const place = await world.place('two', { FILE_ROWS_MAX: '2000' })
  const loaded = await copySeed(place)
  const both = await Promise.all([place.run(...RUN), place.run(...RUN)])
  let written = 0
  for (const ended of both) {
    expect(ended.code, ended.stderr).toBe(0)
    const { state, types } = documentOf<RunDocument>(ended)
    expect(state).toBe('Completed')
    for (const counts of Object.values(types)) {
      expect(counts.read).toBe(counts.written + counts.rejected + counts.duplicates)
      written += counts.written
    }
  }
  expect(written).toBe(sumOf(loaded))
  await expectExactlyOnce(place, loaded)
})

test('loading is stopped by SIGINT with 130, and says what it has loaded', async () => {
  const place = await world.place('loading')
  const running = place.start('generate', '--events', '1000000', '--rate', '1000', '--json')
  await waitFor('an entry', async () => sumOf(await lengths(place)) > 0)
  running.child.kill('SIGINT')
  const ended = await running.ended
  expect(ended.code).toBe(130)
  const { loaded } = documentOf<{ loaded: Record<string, number> }>(ended)
  expect(loaded).toEqual(await lengths(place))
})

test('Ctrl-C ends a load that waits for standard input, and says what was loaded', async () => {
  const place = await world.place('waiting_load')
  const running = startSkydrain(['load', '-', '--json'], { ...place, isInputOpen: true })
  const commit = { operation: 'delete', collection: 'app.bsky.feed.like', rkey: 'r' }
  const line = JSON.stringify({ did: 'did:plc:a', time_us: 1_795_298_700_123_456, kind: 'commit', commit })
  // 500 events fill a call.
  for (let n = 0; n < 500; n += 1) running.child.stdin?.write(`${line}\n`)
  await waitFor('the events', async () => (await lengths(place)).likes === 500)
  running.child.kill('SIGINT')
  const ended = await running.ended
  expect(ended.code).toBe(130)
  expect(documentOf<{ loaded: Record<string, number> }>(ended).loaded.likes).toBe(500)
})
