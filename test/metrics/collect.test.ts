import { describe, expect, test } from 'vitest'

import type { ServerMetricsSetting } from '../../src/metrics/server-metrics.ts'
import { metricsWith, queue } from './sample-events.ts'

const LENGTH = 'skydrain_stream_length{stream_name="s"}'
const ERRORS = 'skydrain_metrics_collect_errors_total{collector="streams"}'
const DURATION = 'skydrain_metrics_collect_duration_seconds{collector="streams"}'

const streamOf = (length: number) =>
  [{ type: 'posts', stream: 's', length, pending: 0, oldestAgeSeconds: 1 }] as const

/** Metrics whose clock stands still until a test moves it. */
function withClock(changes: Partial<ServerMetricsSetting>) {
  let time = 1_000_000
  return {
    ...metricsWith({ ...changes, now: () => time }),
    pass: (milliseconds: number) => {
      time += milliseconds
    },
  }
}

test('a reading is kept for 5 s, and shared by scrapes that come at once', async () => {
  let readings = 0
  const readStreams = async () => {
    readings += 1
    return streamOf(readings)
  }
  const metrics = withClock({ readStreams })
  const scrapes = await Promise.all([metrics.scrape(), metrics.scrape()])
  expect(scrapes.map(it => it.samples.get(LENGTH))).toEqual([1, 1])
  metrics.pass(4_999)
  expect((await metrics.scrape()).samples.get(LENGTH)).toBe(1)
  metrics.pass(1)
  expect((await metrics.scrape()).samples.get(LENGTH)).toBe(2)
})

test('a stream that is gone is no longer shown', async () => {
  let found: ReturnType<typeof streamOf> | [] = streamOf(7)
  const metrics = withClock({ readStreams: async () => found })
  expect((await metrics.scrape()).samples.get(LENGTH)).toBe(7)
  found = []
  metrics.pass(5_000)
  expect((await metrics.scrape()).samples.has(LENGTH)).toBe(false)
})

describe('a collector that fails', () => {
  test.each([
    ['later', () => Promise.reject(new Error('away'))],
    [
      'at once',
      () => {
        throw new Error('away')
      },
    ],
  ])('%s shows nothing old, is counted, is asked again, and disturbs no other', async (_, fail) => {
    let read: ServerMetricsSetting['readStreams'] = async () => streamOf(7)
    const metrics = withClock({ readStreams: () => read() })
    expect((await metrics.scrape()).samples.get(ERRORS)).toBe(0)
    metrics.pass(5_000)
    read = fail
    const { samples } = await metrics.scrape()
    expect([...samples.keys()].filter(it => it.includes('stream_name="s"'))).toEqual([])
    expect(samples.get(ERRORS)).toBe(1)
    expect(samples.get('skydrain_workers')).toBe(2)
    expect((await metrics.scrape()).samples.get(ERRORS)).toBe(2)
    read = async () => streamOf(8)
    const after = await metrics.scrape()
    expect(after.samples.get(LENGTH)).toBe(8)
    expect(after.samples.get(ERRORS)).toBe(2)
  })

  test('and is the one of the queue tells no workers instead of none', async () => {
    let read = async () => queue
    const metrics = withClock({ readQueue: () => read() })
    expect((await metrics.scrape()).samples.get('skydrain_workers')).toBe(2)
    read = () => Promise.reject(new Error('away'))
    metrics.pass(5_000)
    const { samples } = await metrics.scrape()
    const shown = [...samples.keys()].filter(it => /^skydrain_(work|schedule)/.test(it))
    expect(shown).toEqual([])
    expect(samples.get('skydrain_metrics_collect_errors_total{collector="queue"}')).toBe(1)
    expect(samples.get(LENGTH.replace('"s"', '"bluesky_posts"'))).toBe(100)
  })
})

describe.concurrent('a collector that hangs', () => {
  test('holds up one scrape for 2 s and later ones not at all, and is not begun again', async () => {
    let begun = 0
    const readStreams = () => {
      begun += 1
      return new Promise<never>(() => undefined)
    }
    const metrics = metricsWith({ readStreams })
    const before = performance.now()
    const first = await metrics.scrape()
    const took = performance.now() - before
    expect(took).toBeGreaterThan(1_900)
    expect(took).toBeLessThan(4_000)
    expect(first.samples.get('skydrain_workers')).toBe(2)
    expect(first.samples.get(ERRORS)).toBe(1)
    expect(first.samples.get(DURATION)).toBeGreaterThan(1.9)
    const again = performance.now()
    const second = await metrics.scrape()
    expect(performance.now() - again).toBeLessThan(1_000)
    expect(second.samples.get(ERRORS)).toBe(2)
    expect(second.samples.get(DURATION)).toBeGreaterThan(first.samples.get(DURATION) ?? 0)
    expect(begun).toBe(1)
  })

  test('and answers after all is shown by the next scrape, with how long it took', async () => {
    let answer: (found: ReturnType<typeof streamOf>) => void = () => undefined
    const readStreams = () =>
      new Promise<ReturnType<typeof streamOf>>(resolve => {
        answer = resolve
      })
    const metrics = withClock({ readStreams })
    expect((await metrics.scrape()).samples.has(LENGTH)).toBe(false)
    metrics.pass(7_500)
    answer(streamOf(7))
    const { samples } = await metrics.scrape()
    expect(samples.get(LENGTH)).toBe(7)
    expect(samples.get(DURATION)).toBe(7.5)
    expect(samples.get(ERRORS)).toBe(1)
  })

  test('and fails after all ends no process, and is asked again', async () => {
    let fail: (error: Error) => void = () => undefined
    let begun = 0
    const readStreams = () => {
      begun += 1
      return new Promise<never>((_resolve, reject) => {
        fail = reject
      })
    }
    const metrics = withClock({ readStreams })
    await metrics.scrape()
    fail(new Error('away'))
    await new Promise(resolve => setImmediate(resolve))
    const next = metrics.scrape()
    await new Promise(resolve => setImmediate(resolve))
    expect(begun).toBe(2)
    fail(new Error('away again'))
    expect((await next).samples.get(ERRORS)).toBe(2)
  })
})
