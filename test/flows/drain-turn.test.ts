import { expect, test } from 'vitest'

import { type DrainCounts, noCounts } from '../../src/flows/drain-report.ts'
import type { StreamConnection } from '../../src/flows/streams-port.ts'
import { perType } from '../../src/records/event-type.ts'
import { FIRST_ID, LAST_ID } from '../../src/records/stream-entry.ts'
import { redisStreams } from '../../src/streams/redis-streams.ts'
import { waitFor } from '../cli/world.ts'
import {
  drained,
  expected,
  idOf,
  type Life,
  lengthOf,
  live,
  newPlace,
  openDrain,
  type Place,
  posts,
  produce,
  published,
  redis,
  useWorkshop,
} from './worker-life.ts'

useWorkshop()

type Second = { counts: DrainCounts; warnings: string[]; ended: Promise<unknown> }

/** A drain of another run than `live` is. Resolves when it has begun. */
async function secondRun(
  place: Place,
  life: Life = {},
  { readUntil = Number.POSITIVE_INFINITY, signal = new AbortController().signal } = {},
): Promise<Second> {
  const drain = await openDrain(place, life)
  const request = { type: 'posts', range: { from: FIRST_ID, to: LAST_ID }, readUntil, run: 'run-b' } as const
  const second: Second = { counts: noCounts, warnings: [], ended: Promise.resolve() }
  const told = {
    counts: (made: DrainCounts) => {
      second.counts = made
    },
    warn: (message: string) => void second.warnings.push(message),
  }
  second.ended = drain(request, told, signal)
  second.ended.catch(() => undefined)
  return second
}

/** A run that has a stream, and does nothing with it. */
async function holding({ prefix }: Place, run: string): Promise<StreamConnection> {
  const ownership = { datasetId: 'x', group: 'skydrain', allowOtherGroups: true }
  const streams = perType(type => `${prefix}${type}`)
  const connection = await redisStreams({ address: { url: redis.url }, streams, ownership }).connect('posts')
  expect(await connection.claim(run)).toBeUndefined()
  return connection
}

const waits = (second: Second) => waitFor('the warning', async () => second.warnings.length > 0)
const saying = ({ prefix }: Place, run: string) =>
  `posts: run ${run} is draining ${prefix}posts; waiting for it`

test('a run that finds another one at work waits, says so once, and drains what that one leaves', async () => {
  const place = newPlace()
  await produce(place, posts(0, 30))
  const order: string[] = []
  let second: Second | undefined
  const counts = await drained(place, {
    batchSize: 5,
    fileRowsMax: 10,
    connection: ({ deleteEntries }) => ({
      deleteEntries: async ids => {
        if (second === undefined) {
          const noteRead = ({ read }: StreamConnection): Partial<StreamConnection> => ({
            read: async (range, count) => {
              order.push('the second reads')
              return await read(range, count)
            },
          })
          second = await secondRun(place, { connection: noteRead })
          await waits(second)
          await produce(place, posts(31, 40))
        }
        order.push('the first deletes')
        return await deleteEntries(ids)
      },
    }),
  })
  await second?.ended
  expect(counts).toMatchObject({ read: 31, deleted: 31, remaining: 0 })
  expect(second?.warnings).toEqual([saying(place, 'a-life')])
  expect(order).toEqual([...Array(4).fill('the first deletes'), 'the second reads'])
  expect(second?.counts).toMatchObject({ read: 10, duplicates: 0, deleted: 10, length: 10, remaining: 0 })
  expect(await published(place)).toEqual(expected(posts(0, 40)))
  expect(await lengthOf(place)).toBe(0)
  expect(await redis.client.keys(`${place.prefix}*:run`)).toEqual([])
})

test('what the other run committed while it waited, and did not delete, is not staged again', async () => {
  const place = newPlace()
  await produce(place, posts(0, 20))
  const holder = await holding(place, 'a-life')
  let reads = 0
  const second = await secondRun(place, {
    connection: ({ read }) => ({
      read: async (range, count) => {
        reads += 1
        return await read(range, count)
      },
    }),
  })
  await waits(second)
  const deleteEntries = () => Promise.reject(new Error('died here'))
  expect((await live(place, { connection: () => ({ deleteEntries }) })).error?.message).toBe('died here')
  await holder.close()
  await second.ended
  expect(second.counts).toMatchObject({ duplicates: 21, written: 0, deleted: 21 })
  expect(reads).toBe(1)
})

test('where time is over while it waits nothing is read, and what is there then remains', async () => {
  const place = newPlace()
  await produce(place, posts(0, 20))
  const holder = await holding(place, 'run-a')
  let isOver = false
  const now = () => (isOver ? 1_000 : 999)
  const read = () => expect.unreachable('it read')
  const second = await secondRun(place, { now, connection: () => ({ read }) }, { readUntil: 1_000 })
  await waits(second)
  await holder.deleteEntries([idOf(0), idOf(1), idOf(2)])
  isOver = true
  await second.ended
  expect(second.counts).toMatchObject({ read: 0, length: 18, remaining: 18 })
  await holder.close()
})

test('an abort while it waits ends it at once, with its reason', async () => {
  const place = newPlace()
  await produce(place, posts(0, 20))
  const holder = await holding(place, 'run-a')
  const controller = new AbortController()
  const second = await secondRun(place, {}, { signal: controller.signal })
  await waits(second)
  controller.abort(new Error('cancelled by an operator'))
  await expect(second.ended).rejects.toThrow('cancelled by an operator')
  expect(await lengthOf(place)).toBe(21)
  await holder.close()
})

test('a stream with nothing on it is not waited for', async () => {
  const place = newPlace()
  const holder = await holding(place, 'run-a')
  const { error, warnings, counts } = await live(place)
  expect([error, warnings, counts.remaining]).toEqual([undefined, [], 0])
  await holder.close()
})

test('a stream is claimed once for each commit, however many batches that has', async () => {
  const place = newPlace()
  await produce(place, posts(0, 29))
  let claims = 0
  await drained(place, {
    batchSize: 2,
    fileRowsMax: 10,
    connection: ({ claim }) => ({
      claim: async run => {
        claims += 1
        return await claim(run)
      },
    }),
  })
  expect(claims).toBe(3)
})

test('a run that slept while another took its stream waits before its next commit, then goes on', async () => {
  const place = newPlace()
  await produce(place, posts(0, 29))
  let holder: StreamConnection | undefined
  const { error, warnings, counts } = await live(place, {
    fileRowsMax: 10,
    connection: ({ claim, read }) => ({
      claim: async run => {
        if ((await lengthOf(place)) === 20 && holder === undefined) {
          await redis.client.del(`${place.prefix}posts:skydrain:run`)
          holder = await holding(place, 'run-b')
        }
        const other = await claim(run)
        if (other !== undefined) {
          // It drains a part of what is left, and is done.
          await drained(place, { range: { from: FIRST_ID, to: idOf(14) }, connection: unclaimed })
          await holder?.close()
        }
        return other
      },
      read,
    }),
  })
  expect(error).toBeUndefined()
  expect(warnings).toEqual([saying(place, 'run-b')])
  expect(counts).toMatchObject({ read: 25, duplicates: 0, deleted: 25, remaining: 0 })
  expect(await published(place)).toEqual(expected(posts(0, 29)))
})

const unclaimed = (): Partial<StreamConnection> => ({ claim: async () => undefined })
