import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { openRunQueue } from '../../src/workers/run-queue.ts'
import { startRedis } from '../redis-server.ts'
import {
  add,
  at,
  type BackfillDocument,
  type BackfillWorld,
  LAST,
  openBackfillWorld,
} from './backfill-world.ts'
import { documentOf, sentenceOf } from './skydrain.ts'
import { lengths, noEntries, waitFor } from './world.ts'

// Tests run side by side here, each in a place of its own.
vi.setConfig({ testTimeout: 120_000 })

let world: BackfillWorld

beforeAll(async () => {
  world = await openBackfillWorld()
})

afterAll(() => world?.close())

const RANGE = ['--from', '2025-01-31T22:00', '--to', '2025-01-31T22:20']

test.concurrent('without a worker 2,000 windows wait in the queue, in turn, and Ctrl-C takes out those that it put there', async () => {
  const redis = await startRedis()
  const place = await world.place('waiting', { QUEUE_REDIS_URL: redis.url })
  await add(place, 'likes', [at(0)])
  const many = ['--from', '2025-01-31T22:00', '--to', '2025-01-31T22:33:20', '--window', '1s']
  const queued = await place.run('backfill', ...many, '--json')
  expect(queued.code).toBe(0)
  expect(queued.stderr).toMatch(/^No worker is there yet: the windows wait for one \(.*worker, or up\)\.\n$/)
  const { windows, run_ids } = documentOf<{ windows: number; run_ids: readonly string[] }>(queued)
  expect({ windows, runs: new Set(run_ids).size }).toEqual({ windows: 2_000, runs: 2_000 })

  const queue = openRunQueue({ url: redis.url })
  try {
    // Only the oldest is there for a worker to take.
    expect(await queue.counts()).toEqual({ workers: 0, waiting: 1 })
    expect(await queue.read(run_ids.at(-1) ?? '')).toMatchObject({ state: 'Scheduled' })

    const running = world.start(place, 'backfill', ...many, '--wait', '--json')
    await waitFor('its windows', async () => (await queue.counts()).waiting === 2)
    await running.says('No worker is there yet')
    running.child.kill('SIGINT')
    const ended = await running.ended
    expect(ended.code).toBe(130)
    expect(ended.stderr).toContain(
      'To go on:\n  bin/skydrain backfill --from 2025-01-31T22:00Z --to 2025-01-31T22:33:20Z --window 1s --wait\n',
    )
    const document = documentOf<BackfillDocument>(ended)
    expect(document.state).toBe('Cancelled')
    expect(new Set(document.windows.map(it => it.state))).toEqual(new Set(['Cancelled']))
    expect(await queue.counts()).toEqual({ workers: 0, waiting: 1 })
    for (const { run_id } of [document.windows[0], document.windows.at(-1)].filter(it => it !== undefined))
      expect(await queue.read(run_id)).toBeUndefined()
  } finally {
    await queue.close()
    await redis.stop()
  }
  expect(await lengths(place)).toEqual({ ...noEntries, likes: 1 })
})

test.concurrent('a dry run lists the windows that hold something, counts the others, and makes nothing', async () => {
  const place = await world.place('dry', { QUEUE_REDIS_URL: 'redis://127.0.0.1:1' })
  await add(place, 'posts', [at(0), at(4), at(5, -1, LAST), at(5), at(20, -1, LAST)])
  const { code, stdout, stderr } = await place.run('backfill', ...RANGE, '--type', 'posts', '--dry-run')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.split('\n')).toEqual([
    'from               to                 posts  total',
    '2025-01-31T22:00Z  2025-01-31T22:05Z      3      3',
    '2025-01-31T22:05Z  2025-01-31T22:10Z      1      1',
    '2025-01-31T22:15Z  2025-01-31T22:20Z      1      1',
    'all                                       5      5',
    '1 window without entries.',
    'Nothing was started: without --dry-run it would drain 5 entries in 4 windows.',
    '',
  ])
  expect(await place.client.exists('dry_posts:skydrain')).toBe(0)
  expect((await place.run('verify')).stderr).toContain('There is no dataset')

  const none = await place.run('backfill', ...RANGE, '--type', 'likes', '--dry-run')
  expect(none.stdout).toMatch(
    /^4 windows without entries\.\nNothing was started: .* 0 entries in 4 windows\.\n$/,
  )
})

describe('the operator’s mistake ends with 64 and one sentence:', () => {
  const mistakes: Readonly<Record<string, RegExp>> = {
    'backfill --from 2999-01-01': /--from 2999-01-01 is in the future\. The ids of entries are the times/,
    'backfill --from -1h --dry-run --wait': /--dry-run starts nothing that could be waited for; leave --wait/,
  }
  for (const [words, sentence] of Object.entries(mistakes)) {
    test.concurrent(words, async () => {
      const place = await world.place(words.replaceAll(/\W+/g, '_'))
      const ended = await place.run(...words.split(' '))
      expect(sentenceOf(ended)).toMatch(sentence)
      expect(ended.code).toBe(64)
    })
  }

  test.concurrent('backfill without --from, with a hint to --help', async () => {
    const { code, stdout, stderr } = await (await world.place('no_from')).run('backfill', '--to', '-1h')
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(stderr).toMatch(/^error: required option '--from <time>' not specified\n\(--help shows/)
  })
})

test.concurrent('a range that ends in the future is cut to now, with a remark, and --help shows what a window is', async () => {
  const place = await world.place('future')
  const { code, stdout, stderr } = await place.run(
    'backfill',
    '--from',
    '-7m',
    '--to',
    '2999-01-01',
    '--dry-run',
  )
  expect(code).toBe(0)
  expect(stderr).toMatch(/^--to 2999-01-01 is in the future: the backfill ends at now, \S+Z\.\n$/)
  expect(stdout).toMatch(/ in 2 windows\.\n$/)

  const help = await place.run('backfill', '--help')
  expect(help).toMatchObject({ code: 0, stderr: '' })
  const text = help.stdout.replaceAll(/\s+/g, ' ')
  for (const said of [
    'old events that were loaded today have ids of today',
    'A window is [from, to)',
    'A window without entries is Completed and says so',
    'Examples: skydrain backfill --from -2h --dry-run',
  ])
    expect(text).toContain(said)
})
