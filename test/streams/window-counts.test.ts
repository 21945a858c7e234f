import { DateTime } from 'luxon'
import { expect, test } from 'vitest'

import { cutWindows } from '../../src/flows/windows.ts'
import { countWindows } from '../../src/streams/window-counts.ts'
import { callsOf, newStream, portOf, redis, useRedis } from './stream-server.ts'

useRedis('--appendonly', 'no')

const HOUR = Date.UTC(2025, 0, 31, 22)
const MINUTE_MS = 60_000
const time = (milliseconds: number) => DateTime.fromMillis(milliseconds, { zone: 'utc' })

/** Windows of a minute from 22:00 on. */
const minutes = (count: number) =>
  cutWindows({ from: time(HOUR), to: time(HOUR + count * MINUTE_MS) }, MINUTE_MS)

type Watched = { readonly signal?: AbortSignal; readonly onRead?: (entries: number) => void }

function counted(stream: string, windows: ReturnType<typeof minutes>, watched: Watched = {}) {
  const { signal = new AbortController().signal, onRead = () => undefined } = watched
  return countWindows(portOf(stream), { type: 'posts', windows }, { signal, onRead })
}

async function add(stream: string, ids: readonly string[], data = 'x'): Promise<void> {
  const pipeline = redis.client.pipeline()
  for (const id of ids) pipeline.xadd(stream, id, 'data', data)
  await pipeline.exec()
}

test('each entry counts in the window that its id lies in, and not one outside of all', async () => {
  const stream = newStream()
  await add(stream, [
    `${HOUR - 1}-18446744073709551615`,
    `${HOUR}-0`,
    `${HOUR + MINUTE_MS - 1}-18446744073709551615`,
    `${HOUR + MINUTE_MS}-0`,
    `${HOUR + 3 * MINUTE_MS}-7`,
    `${HOUR + 4 * MINUTE_MS - 1}-0`,
    `${HOUR + 4 * MINUTE_MS}-0`,
  ])
  expect(await counted(stream, minutes(4))).toEqual([2, 1, 0, 2])
})

test('a stream that is not there has none, and no windows have no counts', async () => {
  expect(await counted(newStream(), minutes(2))).toEqual([0, 0])
  expect(await counted(newStream(), [])).toEqual([])
})

test('many entries are counted page by page, and each read tells how many so far', async () => {
  const stream = newStream()
  const ids = Array.from({ length: 9_000 }, (_, at) => `${HOUR + Math.floor(at / 3_000) * MINUTE_MS}-${at}`)
  await add(stream, ids)
  const told: number[] = []
  const calls = await callsOf('xrange')
  expect(await counted(stream, minutes(3), { onRead: entries => told.push(entries) })).toEqual([
    3_000, 3_000, 3_000,
  ])
  expect(told).toEqual(told.toSorted((a, b) => a - b))
  expect(told.at(-1)).toBe(9_000)
  expect(await callsOf('xrange')).toBe(calls + told.length + 1)
})

test('entries so large that a page is cut off are counted all the same, each once', async () => {
  const stream = newStream()
  const ids = Array.from({ length: 80 }, (_, at) => `${HOUR + (at < 40 ? 0 : MINUTE_MS)}-${at}`)
  await add(stream, ids, 'x'.repeat(1024 * 1024))
  expect(await counted(stream, minutes(2))).toEqual([40, 40])
})

test('counting changes nothing in Redis, and leaves no mark there', async () => {
  const stream = newStream()
  await add(stream, [`${HOUR}-1`])
  const keys = (await redis.client.keys('*')).toSorted()
  expect(await counted(stream, minutes(1))).toEqual([1])
  expect((await redis.client.keys('*')).toSorted()).toEqual(keys)
  expect(await redis.client.xlen(stream)).toBe(1)
  expect(await redis.client.xinfo('GROUPS', stream)).toEqual([])
})

// The deadline is sooner than a command without an answer is given up.
test('an abort ends the counting with its reason, also while Redis does not answer', async () => {
  const stream = newStream()
  await add(
    stream,
    Array.from({ length: 500 }, (_, at) => `${HOUR}-${at + 1}`),
  )
  const stopped = new AbortController()
  const ended = counted(stream, minutes(1), {
    signal: stopped.signal,
    onRead: () => {
      // From the first page on the server is silent.
      process.kill(redis.pid, 'SIGSTOP')
      setImmediate(() => stopped.abort(new Error('enough')))
    },
  })
  try {
    await expect(ended).rejects.toThrow('enough')
  } finally {
    process.kill(redis.pid, 'SIGCONT')
  }
}, 15_000)

test('a key that is no stream is told by its name', async () => {
  const stream = newStream()
  await redis.client.set(stream, 'no stream')
  await expect(counted(stream, minutes(1))).rejects.toMatchObject({
    code: 'wrong-key-type',
    message: expect.stringContaining(`${stream} is no stream`),
  })
})
