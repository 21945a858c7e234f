import { expect, test } from 'vitest'

import type { FlowRun } from '../../src/engine/flow.ts'
import { runHere } from '../../src/engine/run-here.ts'
import { runPart } from '../../src/engine/run-part.ts'
import { type DataWriterResult, dataWriter, type RunDrain } from '../../src/flows/data-writer.ts'
import { type DrainCounts, noCounts } from '../../src/flows/drain-report.ts'
import { type EventType, perType } from '../../src/records/event-type.ts'
import { FIRST_ID, LAST_ID } from '../../src/records/stream-entry.ts'
import { readStreamSpans } from '../../src/streams/stream-spans.ts'
import { failure } from '../dataset/dataset-folder.ts'
import {
  expected,
  HOUR_22,
  killConnections,
  type Life,
  lengthOf,
  newPlace,
  openDrain,
  type Place,
  posts,
  produce,
  published,
  redis,
  stagingOf,
  useWorkshop,
} from './worker-life.ts'

useWorkshop()

type Ran = FlowRun<DataWriterResult> & { warnings: string[]; progress: [EventType, DrainCounts][] }

async function run(
  place: Place,
  types: readonly EventType[],
  {
    life,
    wrap = it => it,
    signal,
  }: { life?: Life; wrap?: (drain: RunDrain) => RunDrain; signal?: AbortSignal } = {},
): Promise<Ran> {
  const warnings: string[] = []
  const progress: Ran['progress'] = []
  const log = { info: () => undefined, warning: (message: string) => void warnings.push(message) }
  const drain = wrap(await openDrain(place, life))
  const address = { url: redis.url }
  const names = perType(type => `${place.prefix}${type}`)
  const spans = () => readStreamSpans(address, names)
  const ran = await runHere(
    dataWriter({ drain, spans, timeoutMs: 600_000 }),
    { types, range: { from: FIRST_ID, to: LAST_ID } },
    {
      log,
      signal: signal ?? new AbortController().signal,
      onProgress: parts => {
        for (const { part, done } of parts) if (done !== undefined) progress.push([part.type, done])
      },
    },
  )
  return { ...ran, warnings, progress }
}

test('a run drains its types side by side, and reports each', async () => {
  const place = newPlace()
  await produce(place, posts(0, 30))
  await produce(place, posts(1, 5), 'likes')
  await produce(place, posts(1, 2), 'blocks')
  const { state, result, progress } = await run(place, ['posts', 'likes', 'follows'])
  expect(state).toBe('Completed')
  expect(result).toMatchObject({ remaining: 0, failed: {} })
  expect(result?.types).toMatchObject({
    posts: { read: 31, written: 28, rejected: 3, deleted: 31 },
    likes: { read: 5, written: 5 },
    follows: { read: 0, length: 0 },
  })
  expect(await published(place, 'likes')).toEqual(expected(posts(1, 5)))
  expect(await lengthOf(place, 'blocks')).toBe(2)
  expect(progress.filter(([type]) => type === 'posts').at(-1)?.[1]).toEqual(result?.types.posts)
})

test('a type that fails does not stop the others, and the error carries what they did', async () => {
  const place = newPlace()
  await produce(place, posts(0, 30))
  await redis.client.set(`${place.prefix}likes`, 'a string')
  const { state, error, result, warnings } = await run(place, ['likes', 'posts', 'blocks'])
  expect(state).toBe('Failed')
  expect(error?.message).toMatch(/^likes: .*likes is no stream/)
  expect(result?.failed).toMatchObject({ likes: { code: 'wrong-key-type' } })
  expect(result?.types).toMatchObject({
    posts: { read: 31, deleted: 31 },
    likes: { read: 0 },
    blocks: { read: 0 },
  })
  expect(await published(place)).toEqual(expected(posts(0, 30)))
  expect(warnings).toEqual([]) // it does not pass by itself, so it was not tried again
})

test('types that fail for one reason tell it once', async () => {
  const place = newPlace()
  const wrap = (): RunDrain => () => Promise.reject(failure('EIO'))
  const { error } = await run(place, ['posts', 'likes'], { wrap })
  expect(error?.message).toBe('posts, likes: The disk of DATA_DIR failed (EIO).')
})

test('a lost connection is tried again, and the counts of both tries add up', async () => {
  const place = newPlace()
  await produce(place, posts(0, 99))
  let deletions = 0
  const life: Life = {
    batchSize: 10,
    fileRowsMax: 20,
    connection: ({ deleteEntries }) => ({
      deleteEntries: async ids => {
        deletions += 1
        if (deletions === 3) await killConnections()
        return await deleteEntries(ids)
      },
    }),
  }
  const { state, result, warnings, progress } = await run(place, ['posts'], { life })
  expect(state).toBe('Completed')
  expect(warnings).toEqual([
    expect.stringMatching(/^posts: Redis at .* does not answer.* Trying again in 0.2 s\.$/),
  ])
  // The third commit's 20 entries were committed by the first try, and found again by the second.
  expect(result?.types.posts).toMatchObject({
    written: 90,
    rejected: 10,
    duplicates: 20,
    read: 120,
    deleted: 100,
  })
  expect(result?.remaining).toBe(0)
  for (const [, { read, written, rejected, duplicates }] of progress)
    expect(read).toBe(written + rejected + duplicates)
  const reads = progress.map(([, { read }]) => read)
  expect(reads).toEqual(reads.toSorted((a, b) => a - b))
  expect(await published(place)).toEqual(expected(posts(0, 99)))
  expect(await lengthOf(place)).toBe(0)
})

test('an error that needs a person is not tried again', async () => {
  let calls = 0
  const wrap = (): RunDrain => async () => {
    calls += 1
    throw failure('ENOSPC')
  }
  expect((await run(newPlace(), ['posts'], { wrap })).state).toBe('Failed')
  expect(calls).toBe(1)
})

test('a run whose time for new work is over is Completed, and says what remains', async () => {
  const place = newPlace()
  await produce(place, posts(0, 30))
  const { state, result } = await run(place, ['posts', 'likes'], {
    life: { now: () => Date.now() + 540_001 },
  })
  expect(state).toBe('Completed')
  expect(result).toMatchObject({ remaining: 31, types: { posts: { read: 0 } } })
  expect(await lengthOf(place)).toBe(31)
})

test('a run that is cancelled is Cancelled, leaves no staging and loses nothing', async () => {
  const place = newPlace()
  await produce(place, posts(0, 30))
  const controller = new AbortController()
  const reason = new Error('cancelled by an operator')
  const life: Life = {
    batchSize: 5,
    fileRowsMax: 10,
    connection: ({ deleteEntries }) => ({
      deleteEntries: async ids => {
        const deleted = await deleteEntries(ids)
        controller.abort(reason)
        return deleted
      },
    }),
  }
  const { state, error, progress } = await run(place, ['posts', 'likes'], { life, signal: controller.signal })
  expect([state, error?.message]).toEqual(['Cancelled', reason.message])
  const ofPosts = progress.filter(([type]) => type === 'posts')
  expect(ofPosts.at(-1)?.[1]).toMatchObject({ read: 10, deleted: 10 })
  expect(await stagingOf(place)).toEqual([])
  expect(await lengthOf(place)).toBe(21)
  expect((await run(place, ['posts'])).state).toBe('Completed')
  expect(await published(place)).toEqual(expected(posts(0, 30)))
})

test('a cancel during the wait before a retry ends the run at once', async () => {
  const controller = new AbortController()
  let calls = 0
  const wrap =
    (drain: RunDrain): RunDrain =>
    async (...words) => {
      calls += 1
      setImmediate(() => controller.abort(new Error('enough')))
      await redis.kill()
      await drain(...words)
    }
  const { state, error } = await run(newPlace(), ['posts'], { wrap, signal: controller.signal }).finally(
    redis.restart,
  )
  expect([state, error?.message, calls]).toEqual(['Cancelled', 'enough', 1])
})

test('a range that another worker began goes on where it stopped, and tells what it took over', async () => {
  const place = newPlace()
  await produce(place, posts(0, 30))
  const flow = dataWriter({
    drain: await openDrain(place),
    spans: () =>
      readStreamSpans(
        { url: redis.url },
        perType(type => `${place.prefix}${type}`),
      ),
    timeoutMs: 600_000,
  })
  const part = { type: 'posts', range: { from: FIRST_ID, to: LAST_ID }, length: 31, share: 1 } as const
  const end = await runPart(
    flow,
    {
      runId: 'a-run',
      startedAt: Date.now(),
      part,
      before: { ...noCounts, read: 9, written: 9 },
      isTakenOver: true,
    },
    {
      log: { info: () => undefined, warning: () => undefined },
      signal: new AbortController().signal,
      told: () => undefined,
    },
  )
  expect(end).toMatchObject({
    state: 'Completed',
    done: { read: 40, written: 37, rejected: 3, claimed: 31, deleted: 31 },
  })
  expect(end.done).toMatchObject({ batch: 31, lastTime: HOUR_22 + 30 * 60_000 })
})

test('time that is over before the work is asks for one more run, unless nothing was read', () => {
  const flow = dataWriter({ drain: async () => undefined, spans: () => Promise.reject(), timeoutMs: 600_000 })
  const part = { type: 'posts', range: { from: FIRST_ID, to: LAST_ID }, length: 31, share: 1 } as const
  const done = { ...noCounts, read: 9, written: 9, length: 31, remaining: 22 }
  const over = { state: 'TimedOut' as const, error: { message: 'time is over' } }
  expect(flow.end([{ part, state: 'Completed', done }])).toMatchObject({ state: 'Completed', again: true })
  expect(flow.end([{ part, ...over, done }])).toMatchObject({ state: 'Completed', again: true })
  expect(flow.end([{ part, state: 'Completed', done: { ...done, read: 0 } }])).toMatchObject({ again: false })
  expect(flow.end([{ part, ...over }])).toMatchObject({ state: 'TimedOut', error: over.error })
  expect(flow.end([{ part, state: 'Completed', done: { ...done, remaining: 0 } }])).toMatchObject({
    again: false,
  })
})

test('the ranges of one type add up, and a part that workers died at fails its type', () => {
  const flow = dataWriter({ drain: async () => undefined, spans: () => Promise.reject(), timeoutMs: 600_000 })
  const part = { type: 'likes', range: { from: FIRST_ID, to: LAST_ID }, length: 100, share: 0.5 } as const
  const done = { ...noCounts, read: 50, written: 50, length: 50 }
  const crashed = { part, state: 'Crashed' as const, error: { message: 'given up' } }
  const { state, result, error } = flow.end([{ part, state: 'Completed', done }, crashed])
  expect([state, error?.message]).toEqual(['Failed', 'likes: given up'])
  expect(result).toMatchObject({ remaining: 50, types: { likes: { read: 50, length: 100, remaining: 50 } } })
})
