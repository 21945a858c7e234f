import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { eventTypes } from '../../src/records/event-type.ts'
import { documentOf, type Ended, skydrain } from './skydrain.ts'
import { addDeletes, drained, lengths, noEntries, openWorld, type Place, type World } from './world.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

let world: World
/** Three events of each type were drained there, and a post without JSON was rejected. */
let full: Place

beforeAll(async () => {
  world = await openWorld()
  full = await world.place('full')
  for (const type of eventTypes) await addDeletes(full, type, 3)
  await full.client.xadd('full_posts', '*', 'data', 'no JSON', 'source', Buffer.from([0xff]))
})

afterAll(() => world?.close())

function quiet(ended: Ended, code = 0): Ended {
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code, stderr: '' })
  return ended
}

const streamOf = (place: Place, length: number) => (type: string) => ({
  type,
  stream: `${place.prefix}${type}`,
  length,
  pending: 0,
  oldest_age_seconds: length === 0 ? null : expect.any(Number),
})

test('status --json before the first run: every stream, no run, healthy', async () => {
  const place = await world.place('fresh')
  for (const type of eventTypes) await addDeletes(place, type, 2)
  expect(documentOf(quiet(await place.run('status', '--json')))).toEqual({
    healthy: true,
    streams: eventTypes.map(streamOf(place, 2)),
    last_run: null,
    workers: 0,
    problems: [],
    next_run_at: null,
    runs: [],
  })
})

test('run --json, then status, verify, query and rejected: the documents that the design names', async () => {
  const done = await drained(full)
  const counts = { read: 3, written: 3, rejected: 0, duplicates: 0, deleted: 3, files: 1 }
  expect(done).toEqual({
    run_id: expect.stringMatching(UUID),
    state: 'Completed',
    duration_seconds: expect.any(Number),
    types: {
      posts: { ...counts, read: 4, rejected: 1, deleted: 4 },
      likes: counts,
      reposts: counts,
      follows: counts,
      blocks: counts,
    },
    remaining: 0,
  })
  expect(Object.keys(done.types)).toEqual([...eventTypes])
  expect(await lengths(full)).toEqual(noEntries)

  expect(documentOf(quiet(await full.run('status', '--json')))).toEqual({
    healthy: true,
    streams: eventTypes.map(streamOf(full, 0)),
    last_run: { run_id: done.run_id, committed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) },
    workers: 0,
    problems: [],
    next_run_at: null,
    runs: [],
  })
  const verdict = { ok: true, files: 5, rows: 15, duplicates: 0, missing: 0, orphans: 0, problems: [] }
  expect(documentOf(quiet(await full.run('verify', '--json')))).toEqual(verdict)
  const sql = `SELECT operation, count(*) AS n, min(event_time) AS "first", NULL AS nothing FROM posts GROUP BY ALL`
  expect(documentOf(quiet(await full.run('query', '--json', sql)))).toEqual([
    { operation: 'delete', n: 3, first: '2026-11-21T22:05:00.123456Z', nothing: null },
  ])
  expect(documentOf(quiet(await full.run('query', '--json', 'SELECT * FROM posts WHERE false')))).toEqual([])
})

test('rejected ls, show and replay --json: files, whole entries, counts', async () => {
  const files = documentOf<{ path: string }[]>(quiet(await full.run('rejected', 'ls', '--json')))
  expect(files).toEqual([
    {
      type: 'posts',
      path: expect.stringMatching(/^_rejected\/posts\/.+\.ndjson$/),
      entries: 1,
      bytes: expect.any(Number),
    },
  ])
  const path = files[0]?.path ?? ''
  expect(documentOf(quiet(await full.run('rejected', 'show', '--json', path)))).toEqual([
    {
      id: expect.stringMatching(/^\d+-\d+$/),
      reason: 'bad-json',
      message: 'The field data is not valid JSON.',
      fields: [
        ['data', 'no JSON'],
        ['source', { $base64: '/w==' }],
      ],
    },
  ])
  expect(documentOf(quiet(await full.run('rejected', 'replay', '--json', '--type', 'posts')))).toEqual({
    run_id: expect.stringMatching(UUID),
    types: { posts: { entries: 1, written: 0, rejected: 1 } },
  })
  expect(documentOf(quiet(await full.run('rejected', 'ls', '--json', '--type', 'likes')))).toEqual([])
})

test('load --json counts what is loaded and what is skipped; standard input is a file too', async () => {
  const place = await world.place('loading')
  const like = (n: number) =>
    JSON.stringify({ collection: 'app.bsky.feed.like', repo: 'did:plc:a', rkey: `r${n}` })
  const lines = [like(1), '{"kind":"identity","did":"did:plc:a"}', like(2), '', 'no JSON', like(3)]
  await writeFile(join(place.cwd, 'some events.ndjson'), lines.join('\n'))
  const ended = quiet(await place.run('load', '--json', 'some events.ndjson', 'some events.ndjson'))
  expect(documentOf(ended)).toEqual({ loaded: { ...noEntries, likes: 6 }, skipped: 4 })
  expect(await lengths(place)).toEqual({ ...noEntries, likes: 6 })

  const piped = await skydrain(['load', '-', '--json'], { ...place, input: `${lines.join('\n')}\n` })
  expect(documentOf(quiet(piped))).toEqual({ loaded: { ...noEntries, likes: 3 }, skipped: 2 })
})

test('generate --json counts what it made, and the same seed makes the same mix', async () => {
  const place = await world.place('making')
  const words = ['generate', '--events', '700', '--seed', '7', '--json']
  const first = documentOf<{ loaded: Record<string, number> }>(quiet(await place.run(...words)))
  expect(first).toEqual({ loaded: await lengths(place), skipped: 0 })
  expect(Object.values(first.loaded).reduce((a, b) => a + b)).toBe(700)
  expect(documentOf(quiet(await place.run(...words)))).toEqual(first)
})

test('without --json every command prints plain lines, and nothing of them on stderr', async () => {
  const place = await world.place('plain')
  const plain: [words: string[], lines: RegExp][] = [
    [
      ['generate', '--events', '60'],
      /^type +loaded\nposts +\d+\nlikes +\d+\nreposts +\d+\nfollows +\d+\nblocks +\d+\n$/,
    ],
    [
      ['status'],
      /^stream +length +pending +oldest\n(plain_\w+ +\d+ +0.*\n){5}No run has committed anything yet\.\nWorkers: 0\. No schedule is set\.\n$/,
    ],
    [
      ['run', 'data-writer', '--local'],
      /^type +read +written +rejected +duplicates +deleted +files\n(\w+ +\d+ +\d+ +0 +0 +\d+ +\d\n){5}Completed in \d+\.\d\d s: run [0-9a-f-]{36}\n$/,
    ],
    [['status'], /\nLast commit \d{4}-\S+Z: run [0-9a-f-]{36}\nWorkers: 0\. No schedule is set\.\n$/],
    [['verify'], /^All is well: \d files, 60 rows, 0 duplicates, 0 missing, 0 orphans\n$/],
    [['query', `SELECT 'a' AS letter, 1234 AS n`], /^letter +n\na +1,234\n1 row\n$/],
    [['rejected', 'ls'], /^No entry was rejected\.\n$/],
    [['rejected', 'replay'], /^type +entries +written +rejected\n(\w+ +0 +0 +0\n){5}$/],
  ]
  for (const [words, lines] of plain) expect(quiet(await place.run(...words)).stdout).toMatch(lines)
})

test('control characters of an event come to a person’s terminal as their numbers', async () => {
  const { stdout } = await full.run('query', `SELECT 'red' || chr(27) || '[31m' || chr(7) AS text`)
  expect(stdout).toContain('red\\u{1b}[31m\\u{7}')
})

test('an entry that waits for over 15 minutes makes status unhealthy, with exit 1', async () => {
  const place = await world.place('late')
  const id = `${Date.now() - 16 * 60_000}-0`
  await place.client.xadd('late_likes', id, 'data', '{}')
  const found = documentOf<{ healthy: boolean; streams: { oldest_age_seconds: number }[] }>(
    quiet(await place.run('status', '--json'), 1),
  )
  expect(found.healthy).toBe(false)
  expect(found.streams[1]?.oldest_age_seconds).toBeGreaterThanOrEqual(960)
  expect(quiet(await place.run('status'), 1).stdout).toMatch(
    /\nUnhealthy: an entry has waited for more than three intervals of the schedule\.\n$/,
  )
})

test('a window takes the entries of [from, to) and of the types that it names, and leaves the others', async () => {
  const place = await world.place('window')
  const hour = Date.UTC(2026, 10, 21, 22)
  const event = JSON.stringify({ collection: 'app.bsky.feed.like', repo: 'did:plc:a', rkey: 'r' })
  for (const id of [`${hour - 1}-9`, `${hour}-0`, `${hour + 59_999}-7`, `${hour + 60_000}-0`]) {
    await place.client.xadd('window_likes', id, 'data', event)
    await place.client.xadd('window_posts', id, 'data', event)
  }
  const window = ['types=likes', 'from=2026-11-21T22:00', 'to=2026-11-22T00:01+02:00']
  const ended = await place.run(
    'run',
    'data-writer',
    '--local',
    '--json',
    ...window.flatMap(it => ['--param', it]),
  )
  expect(documentOf(quiet(ended))).toMatchObject({
    types: { likes: { written: 2, deleted: 2 } },
    remaining: 0,
  })
  expect(await place.client.xlen('window_posts')).toBe(4)
  const left = await place.client.xrange('window_likes', '-', '+')
  expect(left.map(([id]) => id)).toEqual([`${hour - 1}-9`, `${hour + 60_000}-0`])
})
