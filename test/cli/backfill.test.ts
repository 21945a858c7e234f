import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import type { EventType } from '../../src/records/event-type.ts'
import { openRunQueue } from '../../src/workers/run-queue.ts'
import {
  add,
  at,
  type BackfillDocument,
  type BackfillWorld,
  type DryDocument,
  idsLeft,
  LAST,
  openBackfillWorld,
  startWorker,
  stop,
} from './backfill-world.ts'
import { expectExactlyOnce, rowsOf } from './read-back.ts'
import { documentOf, type Ended, type Running } from './skydrain.ts'
import { noEntries, type Place } from './world.ts'

// Tests run side by side here, each in a place of its own.
vi.setConfig({ testTimeout: 120_000 })

let world: BackfillWorld

beforeAll(async () => {
  world = await openBackfillWorld()
})

afterAll(() => world?.close())

const RANGE = ['--from', '2025-01-31T22:00', '--to', '2025-01-31T22:20']
const before = [at(-1), at(0, -1, LAST)]
const behind = [at(20), at(25)]
const postsInside = [at(0), at(4), at(5, -1, LAST), at(5), at(20, -1, LAST)]
const likesInside = [at(6), at(7)]

test.concurrent('a backfill drains the entries of its range, as many as its dry run has counted, and leaves the others', async () => {
  const place = await world.place('range')
  await add(place, 'posts', [...before, ...postsInside, ...behind])
  await add(place, 'likes', [...before, ...likesInside, ...behind])

  const dry = await place.run('backfill', ...RANGE, '--dry-run', '--json')
  expect(dry).toMatchObject({ code: 0, stderr: '' })
  const counted = documentOf<DryDocument>(dry)
  expect(counted.windows.map(({ types }) => [types.posts, types.likes])).toEqual([
    [3, 0],
    [1, 2],
    [0, 0],
    [1, 0],
  ])
  expect(counted).toMatchObject({ types: { ...noEntries, posts: 5, likes: 2 }, entries: 7 })

  await startWorker(world, place)
  const ended = await place.run('backfill', ...RANGE, '--wait', '--json')
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  const { windows, types, state } = documentOf<BackfillDocument>(ended)
  expect(state).toBe('Completed')
  expect(windows.map(it => it.state)).toEqual(['Completed', 'Completed', 'Completed', 'Completed'])
  expect(windows.map(it => it.read)).toEqual(counted.windows.map(it => it.entries))
  expect(windows.map(it => it.from)).toEqual(counted.windows.map(it => it.from))
  expect(types).toMatchObject({ posts: { read: 5, written: 5 }, likes: { read: 2, written: 2 } })

  expect(await idsLeft(place, 'posts')).toEqual([...before, ...behind])
  expect(await idsLeft(place, 'likes')).toEqual([...before, ...behind])
  expect(await idsIn(place, 'posts')).toEqual(postsInside)
  expect(await idsIn(place, 'likes')).toEqual(likesInside)

  const wider = ['--from', '2025-01-31T21:55', '--to', '2025-01-31T22:27', '--type', 'posts']
  const again = await place.run('backfill', ...wider, '--window', '16m', '--wait')
  expect(again).toMatchObject({ code: 0, stderr: '' })
  const [first, second, headings, posts, line] = again.stdout.split('\n')
  expect(first).toMatch(/^2025-01-31T21:55Z–22:11Z {2}Completed {2}2 read, 2 written in \d+\.\d s$/)
  expect(second).toMatch(/^2025-01-31T22:11Z–22:27Z {2}Completed {2}2 read, 2 written in \d+\.\d s$/)
  expect(headings).toMatch(/^type +read +written/)
  expect(posts).toMatch(/^posts +4 +4 +0 +0 +4 +2$/)
  expect(line).toMatch(/^2 windows: 2 completed, 0 of them empty, 0 failed; 4 rows in \d+\.\d s$/)
  expect(await idsLeft(place, 'likes')).toHaveLength(4)

  const empty = await place.run('backfill', ...RANGE, '--window', '20m', '--wait')
  expect(empty).toMatchObject({ code: 0, stderr: '' })
  expect(empty.stdout).toMatch(/^2025-01-31T22:00Z–22:20Z {2}Completed {2}nothing there\n/)
})

async function idsIn({ dataDir }: Place, type: EventType): Promise<string[]> {
  return (await rowsOf(dataDir, type)).map(row => String(row.stream_id)).sort()
}

test.concurrent('a window that fails does not stop those behind it, and is named with the command that does it again', async () => {
  const place = await world.place('failing')
  await place.client.set('failing_posts', 'no stream')
  await add(place, 'likes', [at(1), at(6), at(11)])
  await startWorker(world, place)
  const words = [
    'backfill',
    '--from',
    '2025-01-31T22:00',
    '--to',
    '2025-01-31T22:15',
    '--type',
    'posts,likes',
  ]
  const ended = await place.run(...words, '--wait')
  expect(ended.code).toBe(1)
  expect(ended.stdout).toMatch(
    /^(2025-01-31T22:\d\dZ–22:\d\dZ {2}Failed {2}posts: failing_posts is no .*\n){3}/,
  )
  expect(ended.stdout).toMatch(/^likes +3 +3 /m)
  expect(ended.stdout).toMatch(/^3 windows: 0 completed, 0 of them empty, 3 failed; 3 rows in /m)
  expect(ended.stderr).toMatch(
    /^2025-01-31T22:00Z–22:15Z \(3 windows\) are Failed: posts: failing_posts is no stream/,
  )
  expect(await idsLeft(place, 'likes')).toEqual([])

  await place.client.del('failing_posts')
  await add(place, 'posts', [at(12)])
  const again = await place.run(...commandIn(ended), '--json')
  expect(again).toMatchObject({ code: 0, stderr: '' })
  const { windows, types } = documentOf<BackfillDocument>(again)
  expect(windows.map(it => it.read)).toEqual([0, 0, 1])
  expect(Object.keys(types)).toEqual(['posts', 'likes'])
  await expectExactlyOnce(place, { posts: 1, likes: 3 })
})

/** The words of the command that standard error proposes. */
function commandIn({ stderr }: Ended): string[] {
  const [, words = ''] = /^ {2}bin\/skydrain (backfill .*)$/m.exec(stderr) ?? []
  return words.split(' ')
}

test.concurrent('Ctrl-C in the middle ends the window in hand and begins no other; the command it proposes does the rest', async () => {
  const place = await world.place('stopped')
  const windows = 60
  const each = 10
  const ids = Array.from({ length: windows * each }, (_, n) => at(0, Math.floor(n / each) * 1000 + n, '7'))
  await add(place, 'likes', ids)
  const words = ['backfill', '--from', '2025-01-31T22:00', '--to', '2025-01-31T22:01', '--window', '1s']
  const worker = await startWorker(world, place)
  const running = world.start(place, ...words, '--wait')
  await saysLines(running, 3)
  running.child.kill('SIGINT')
  const ended = await running.ended
  expect(ended).toMatchObject({ code: 130, signal: null })
  expect(ended.stderr).toMatch(
    /^Interrupted: .* Ctrl-C again leaves at once; what is then in the queue goes on\.\n/,
  )

  const queue = openRunQueue({ url: place.env.QUEUE_REDIS_URL ?? '' })
  expect(await queue.counts()).toMatchObject({ waiting: 0 })
  await queue.close()
  await stop(worker)
  const done = ended.stdout.match(/ {2}Completed {2}10 read, 10 written in /g)?.length ?? 0
  expect(done).toBeGreaterThanOrEqual(3)
  expect(done).toBeLessThan(windows)
  expect(ended.stdout).toContain(
    `\n60 windows: ${done} completed, 0 of them empty, 0 failed, ${windows - done} not done; ${done * each} rows in `,
  )
  expect(await idsLeft(place, 'likes')).toEqual(ids.slice(done * each))

  const rest = commandIn(ended)
  const from = `2025-01-31T22:00:${String(done).padStart(2, '0')}Z`
  const to = '2025-01-31T22:01Z'
  expect(rest).toEqual(['backfill', '--from', from, '--to', to, '--window', '1s', '--wait'])
  await startWorker(world, place)
  // In one window, which is quicker: the last --window counts.
  const again = await place.run(...rest, '--json', '--window', '1m')
  expect(again).toMatchObject({ code: 0, stderr: '' })
  expect(documentOf<BackfillDocument>(again)).toMatchObject({ windows: [{ read: (windows - done) * each }] })
  await expectExactlyOnce(place, { likes: windows * each })
})

/** Resolves when standard output has so many lines. */
function saysLines({ child }: Running, count: number): Promise<void> {
  let text = ''
  return new Promise(resolve => {
    child.stdout?.on('data', (chunk: string) => {
      text += chunk
      if (text.split('\n').length > count) resolve()
    })
  })
}
