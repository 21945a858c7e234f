import { expect, test } from 'vitest'

import { type DrainCounts, noCounts } from '../../src/flows/drain-report.ts'
import { began, drainedPosts, ended, metricsWith } from './sample-events.ts'

const POSTS = 'stream_name="bluesky_posts"'

const drained: DrainCounts = {
  ...noCounts,
  read: 100,
  written: 90,
  rejected: 3,
  rejectedBy: { 'bad-json': 2, 'no-did': 1 },
  duplicates: 7,
  deleted: 99,
  files: 4,
  bytes: 12_345,
  claimed: 20,
  batch: 50,
  lastTime: 1_795_298_700_250,
}

const names = [
  'stream_messages_consumed_total',
  'stream_messages_claimed_total',
  'stream_messages_deleted_total',
  'parquet_rows_written_total',
  'parquet_files_written_total',
  'parquet_bytes_written_total',
  'stream_batch_size',
  'stream_last_message_timestamp',
]

/** The samples of a stream, in the order of `names`. */
function of(samples: ReadonlyMap<string, number>, stream: string): (number | undefined)[] {
  return names.map(name => samples.get(`skydrain_${name}{stream_name="bluesky_${stream}"}`))
}

test('what ended runs did is added up for each stream, also what a failed one did', async () => {
  const likes = { ...noCounts, read: 5, written: 5 }
  const both = { result: { types: { posts: drained, likes }, remaining: 0, failed: {} } }
  const { samples } = await metricsWith().scrape(
    ended('Completed', both),
    ended('Failed', drainedPosts(drained)),
  )
  expect(of(samples, 'posts')).toEqual([200, 40, 198, 180, 8, 24_690, 50, 1_795_298_700.25])
  expect(of(samples, 'likes')).toEqual([5, 0, 0, 5, 0, 0, 0, 0])
  expect(of(samples, 'blocks')).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
})

test('rejected entries are counted by their reason', async () => {
  const { samples } = await metricsWith().scrape(ended('Completed', drainedPosts(drained)))
  const rejected = [...samples].filter(([it, count]) => it.includes('rejected_total{') && count > 0)
  expect(Object.fromEntries(rejected)).toEqual({
    [`skydrain_stream_messages_rejected_total{${POSTS},reason="bad-json"}`]: 2,
    [`skydrain_stream_messages_rejected_total{${POSTS},reason="no-did"}`]: 1,
  })
})

test('a run that is not at its end is not counted, whatever it tells', async () => {
  const { samples } = await metricsWith().scrape(began(drainedPosts(drained)))
  expect(of(samples, 'posts')).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
})

test('the newest batch and time are shown, also those told late; a run that found nothing leaves them', async () => {
  const metrics = metricsWith()
  const shownAfter = async (minute: string, counts: Partial<DrainCounts>) => {
    const event = {
      time: `2026-11-21T10:${minute}:00Z`,
      ...drainedPosts({ ...noCounts, read: 1, ...counts }),
    }
    const { samples } = await metrics.scrape(ended('Completed', event))
    return of(samples, 'posts').slice(-2)
  }
  expect(await shownAfter('00', { batch: 5, lastTime: 5_000 })).toEqual([5, 5])
  expect(await shownAfter('10', { batch: 7, lastTime: 9_000 })).toEqual([7, 9])
  expect(await shownAfter('05', { batch: 6, lastTime: 6_000 })).toEqual([7, 9])
  expect(await shownAfter('20', {})).toEqual([7, 9])
  expect(await shownAfter('never', { batch: 4, lastTime: 4_000 })).toEqual([7, 9])
  expect(await shownAfter('15', { batch: 8 })).toEqual([8, 9])
  expect(await shownAfter('15', { lastTime: 8_000 })).toEqual([8, 8])
  const { samples } = await metrics.scrape()
  expect(samples.get(`skydrain_stream_messages_consumed_total{${POSTS}}`)).toBe(7)
})

test('a result of any shape throws nothing and adds nothing that is no count', async () => {
  const shapes: unknown[] = [
    undefined,
    null,
    'text',
    [],
    {},
    { types: null },
    { types: [] },
    { types: { posts: null, likes: 'all', unknown: drained, __proto__: drained } },
    JSON.parse('{"types":{"__proto__":{"posts":{"read":5}}}}'),
    { types: { posts: { read: -1, written: '5', deleted: 1.5, files: Number.NaN, bytes: 1e300 } } },
    { types: { posts: { rejectedBy: { 'bad-json': 'x', toString: 5, other: 9 }, batch: {}, lastTime: -4 } } },
  ]
  const metrics = metricsWith()
  for (const result of shapes) metrics.take(ended('Completed', { result }))
  metrics.take(ended('Completed', { ...drainedPosts(drained), time: 'never' }))
  const { samples } = await metrics.scrape()
  expect(of(samples, 'posts')).toEqual([100, 20, 99, 90, 4, 12_345, 50, 1_795_298_700.25])
  expect(of(samples, 'likes')).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  expect([...samples.keys()].filter(it => /unknown"|toString|other"/.test(it))).toEqual([])
})
