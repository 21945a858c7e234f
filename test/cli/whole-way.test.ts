import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, assert, beforeAll, describe, expect, test, vi } from 'vitest'

import { type EventType, eventTypes } from '../../src/records/event-type.ts'
import { rebuildEvent } from '../../src/records/rebuild.ts'
import { routeEvent } from '../../src/records/route.ts'
import { cidOf } from '../records/cid.ts'
import { expectExactlyOnce, rowsOf } from './read-back.ts'
import { documentOf } from './skydrain.ts'
import { drained, filesBelow, lengths, noEntries, openWorld, type Place, type World } from './world.ts'

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url))
const isThere = existsSync(data)
if (!isThere) console.warn(`Skipped: there are no recorded events at ${data}`)

const writers = ['duckdb', 'parquetjs'] as const

// Tests run side by side here, each in a place of its own.
vi.setConfig({ testTimeout: 180_000 })

let world: World

beforeAll(async () => {
  world = await openWorld()
})

afterAll(() => world?.close())

describe.skipIf(!isThere)('recorded events', () => {
  for (const writer of writers) {
    test.concurrent(`come back from the files as they were loaded, and records hash to their cid (${writer})`, async () => {
      const place = await world.place(`recorded_${writer}`, { PARQUET_WRITER: writer })
      const wrapped = join(place.cwd, 'wrapped.ndjson')
      await writeFile(wrapped, await wrappedRecords())
      const files = [join(data, 'jetstream-sample.ndjson'), join(data, 'jetstream-derived.ndjson'), wrapped]
      const ended = await place.run('load', '--json', ...files)
      const texts = await Promise.all(files.map(file => readFile(file, 'utf8')))
      const events = eventsOf(texts.flatMap(text => text.trimEnd().split('\n')))
      const loaded = Object.fromEntries(eventTypes.map(type => [type, events[type].length]))
      expect(documentOf(ended)).toEqual({ loaded, skipped: 222 - 196 + (120 - 114) })
      expect(await lengths(place)).toEqual(loaded)

      await expectDrained(place, loaded)
      expect(await expectEventsBack(place, events)).toBeGreaterThan(2500)
    })
  }
})

for (const writer of writers) {
  test.concurrent(`20,000 generated events come back from the files as they were on the streams (${writer})`, async () => {
    const place = await world.place(`generated_${writer}`, { PARQUET_WRITER: writer })
    await place.run('generate', '--events', '20000', '--seed', '11')
    const events = await eventsOnStreams(place)
    await expectDrained(place, await lengths(place))
    expect(await expectEventsBack(place, events)).toBeGreaterThan(15_000)
  })
}

test.concurrent('both writers fill one dataset, one after the other, and it reads as one', async () => {
  const place = await world.place('both')
  const events = eventsOf([])
  for (const [at, writer] of [...writers, ...writers].entries()) {
    await place.run('generate', '--events', '500', '--seed', String(at + 1))
    for (const [type, more] of Object.entries(await eventsOnStreams(place)))
      events[type as EventType].push(...more)
    await drained(place.with({ PARQUET_WRITER: writer }))
  }
  await expectExactlyOnce(place, Object.fromEntries(eventTypes.map(type => [type, events[type].length])))
  await expectEventsBack(place, events)
  const counted = await place.run(
    'query',
    '--json',
    'SELECT count(*) AS n FROM likes WHERE event_time > now() - INTERVAL 1 DAY',
  )
  expect(documentOf(counted)).toEqual([{ n: events.likes.length }])
})

/** The real records have no envelope: what they are wrapped in is synthetic, and so are these events. */
async function wrappedRecords(): Promise<string> {
  const text = await readFile(join(data, 'records-sample.ndjson'), 'utf8')
  const lines = text.trimEnd().split('\n')
  const wrapped = lines.map((line, at) => {
    const { uri, cid, record } = JSON.parse(line)
    const [, , did, collection, rkey] = String(uri).split('/')
    const commit = { rev: '3lawvnsupm222', operation: 'create', collection, rkey, record, cid }
    return JSON.stringify({ did, time_us: 1_782_000_000_123_456 + at * 1_000_003, kind: 'commit', commit })
  })
  return `${wrapped.join('\n')}\n`
}

type Events = Readonly<Record<EventType, string[]>>

/** What `load` puts on the streams. */
function eventsOf(lines: readonly string[]): Events {
  const events: Events = { posts: [], likes: [], reposts: [], follows: [], blocks: [] }
  for (const line of lines) {
    const type = routeEvent(line)
    if (type !== undefined) events[type].push(line)
  }
  return events
}

async function eventsOnStreams({ client, prefix }: Place): Promise<Events> {
  const events = eventsOf([])
  for (const type of eventTypes) {
    for (const [, [, text]] of await client.xrange(`${prefix}${type}`, '-', '+'))
      events[type].push(text ?? '')
  }
  return events
}

async function expectDrained(place: Place, loaded: Readonly<Record<string, number>>): Promise<void> {
  const { types, remaining, state } = await drained(place)
  expect({ state, remaining }).toEqual({ state: 'Completed', remaining: 0 })
  for (const type of eventTypes) {
    const { read, written, rejected, duplicates, deleted } = types[type]
    expect({ read, deleted, duplicates }, type).toEqual({
      read: loaded[type],
      deleted: loaded[type],
      duplicates: 0,
    })
    expect(written + rejected, type).toBe(read)
  }
  await expectExactlyOnce(place, loaded)
  expect(await filesBelow(join(place.dataDir, '_staging'))).toEqual([])
}

/** Compares as multisets of values, and returns how many records were hashed. */
async function expectEventsBack({ dataDir }: Place, events: Events): Promise<number> {
  let hashed = 0
  for (const type of eventTypes) {
    const rows = await rowsOf(dataDir, type)
    const back = rows.map(row => rebuildEvent(type, row).text)
    expect(back.map(canonical).sort(), type).toEqual(events[type].map(canonical).sort())
    for (const [at, { operation, cid }] of rows.entries()) {
      if (operation !== 'create') continue
      const event = JSON.parse(back[at] ?? '')
      assert(cidOf(event.commit === undefined ? event.record : event.commit.record) === cid, `${type} ${cid}`)
      hashed += 1
    }
  }
  return hashed
}

/** JSON with its keys in order, so that equal values are equal texts. */
function canonical(text: string): string {
  return JSON.stringify(JSON.parse(text), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}

test.concurrent('nothing on the streams is a run that completes, and makes no file', async () => {
  const place = await world.place('nothing')
  const { state, types } = await drained(place)
  expect(state).toBe('Completed')
  expect(types.likes).toEqual({ read: 0, written: 0, rejected: 0, duplicates: 0, deleted: 0, files: 0 })
  expect(await filesBelow(place.dataDir, '.parquet')).toEqual([])
  await expectExactlyOnce(place, noEntries)
})
