import { expect, test, vi } from 'vitest'

import { expectExactlyOnce, expectNothingLost } from './read-back.ts'
import { documentOf, type Running } from './skydrain.ts'
import {
  addDeletes,
  drained,
  lengths,
  openWorld,
  type Place,
  recordsOf,
  type World,
  waitFor,
} from './world.ts'

const RUN = ['run', 'data-writer', '--local', '--json']
vi.setConfig({ testTimeout: 180_000 })

/** Starts a run in which something happens once its first commit stands, and much is still to do. */
async function inTheMiddle(place: Place, happens: (running: Running) => Promise<unknown>): Promise<Running> {
  const running = place.start(...RUN)
  await waitFor('the first commit', async () => (await recordsOf(place, 'likes')).length > 0)
  await happens(running)
  return running
}

async function fill(place: Place): Promise<Record<string, number>> {
  await addDeletes(place, 'likes', 6_000)
  await addDeletes(place, 'posts', 2_000)
  return await lengths(place)
}

/** The server asks for no password: after its restart it would know none. */
async function withWorld(work: (world: World, place: Place) => Promise<void>): Promise<void> {
  const world = await openWorld('open')
  try {
    await work(world, await world.place('away', { FILE_ROWS_MAX: '100', BATCH_SIZE: '100' }))
  } finally {
    await world.close()
  }
}

test.concurrent('Redis is killed and restarted during a run: the run goes on by itself, exactly once', async () => {
  await withWorld(async (world, place) => {
    const loaded = await fill(place)
    const running = await inTheMiddle(place, () => world.redis.restart())
    const ended = await running.ended
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toMatch(
      /^likes: Redis at redis:\S+ does not answer \(.+\)\. .* Trying again in 0\.2 s\.$/m,
    )
    expect(documentOf(ended)).toMatchObject({ state: 'Completed', remaining: 0 })
    await expectExactlyOnce(place, loaded)
  })
})

test.concurrent('its connections are killed during a run, twice: the run goes on by itself, exactly once', async () => {
  await withWorld(async (world, place) => {
    const loaded = await fill(place)
    const killAll = () => world.redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    const running = await inTheMiddle(place, killAll)
    await running.says('Trying again in 0.2 s.')
    const before = (await recordsOf(place, 'likes')).length
    await waitFor('another commit', async () => (await recordsOf(place, 'likes')).length > before)
    await killAll()
    const ended = await running.ended
    expect(ended.code, ended.stderr).toBe(0)
    await expectExactlyOnce(place, loaded)
  })
})

test.concurrent('Redis stays away: 69 after the retries; when it is back, all is there, exactly once', async () => {
  await withWorld(async (world, place) => {
    const loaded = await fill(place)
    const running = await inTheMiddle(place, () => world.redis.kill())
    const ended = await running.ended
    expect(ended.code).toBe(69)
    expect(documentOf(ended)).toMatchObject({
      state: 'Failed',
      error: expect.stringContaining('does not answer'),
    })
    const lines = ended.stderr.trimEnd().split('\n')
    expect(lines.filter(line => /^likes: .* Trying again in [\d.]+ s\.$/.test(line))).toHaveLength(6)
    expect(lines.at(-1)).toMatch(
      /^skydrain: .*likes.*: Redis at redis:\S+ does not answer \(ECONNREFUSED\)\. Start it/,
    )

    await world.redis.restart()
    expect((await lengths(place)).likes).toBeGreaterThan(0)
    await expectNothingLost(place, loaded)
    await drained(place.with({ FILE_ROWS_MAX: '50000' }))
    await expectExactlyOnce(place, loaded)
  })
})

test.concurrent('Ctrl-C while a run waits for Redis ends it with 130 at once', async () => {
  await withWorld(async (world, place) => {
    const loaded = await fill(place)
    const running = await inTheMiddle(place, () => world.redis.kill())
    await running.says('likes: Redis at')
    await running.says('Trying again in 3 s.')
    const sentAt = Date.now()
    running.child.kill('SIGINT')
    expect((await running.ended).code).toBe(130)
    expect(Date.now() - sentAt).toBeLessThan(3_000)
    await world.redis.restart()
    await drained(place.with({ FILE_ROWS_MAX: '50000' }))
    await expectExactlyOnce(place, loaded)
  })
})
