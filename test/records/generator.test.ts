import { beforeAll, describe, expect, test } from 'vitest'
import type { EventType } from '../../src/records/event-type.ts'
import { type GeneratedEvent, generateEvents } from '../../src/records/generator.ts'
import { isObject } from '../../src/records/json.ts'
import { sameEntry } from '../../src/records/rebuild.ts'
import { routeEvent } from '../../src/records/route.ts'
import { cidOf } from './cid.ts'
import { entryOf, rebuiltJson, rowOf } from './entries.ts'

const start = 1_795_298_700_000_000
const COUNT = 30_000

function take(count: number, seed: number): GeneratedEvent[] {
  const events = generateEvents({ seed, startTimeUs: start, ratePerSecond: 220 })
  return Array.from({ length: count }, () => events.next().value)
}

let events: readonly GeneratedEvent[]
beforeAll(() => {
  events = take(COUNT, 7)
})

test('the same seed gives the same events, another seed others', () => {
  expect(take(500, 7)).toEqual(events.slice(0, 500))
  expect(take(500, 8).filter((event, at) => event.data === events[at]?.data)).toEqual([])
})

test('every event becomes a row that holds all of it, at its own time, and is routed to its type', () => {
  for (const { type, data } of events.slice(0, 10_000)) {
    const entry = entryOf(data, [], `${Math.floor((start + 3_600e6) / 1000)}-0`)
    const row = rowOf(type, entry)
    expect(routeEvent(data)).toBe(type)
    expect(row.event_time).toBeGreaterThanOrEqual(start)
    expect(row.event_time).toBeLessThan(start + 3_600e6)
    expect(sameEntry(type, row, entry)).toBe(true)
  }
})

test('every record hashes to its cid', () => {
  for (const { type, data } of events.slice(0, 5_000)) {
    const row = rowOf(type, entryOf(data))
    const event = rebuiltJson(type, row)
    const { record } = isObject(event) && isObject(event.commit) ? event.commit : Object(event)
    if (record !== undefined) expect(cidOf(record)).toBe(row.cid)
  }
})

test('time_us grows with every event, at the rate that was asked for', () => {
  const times = events.flatMap(({ data }) => JSON.parse(data).time_us ?? [])
  expect(times.every((time, at) => at === 0 || time > times[at - 1])).toBe(true)
  const seconds = (times.at(-1) - start) / 1e6
  expect(COUNT / seconds).toBeGreaterThan(200)
  expect(COUNT / seconds).toBeLessThan(240)
})

describe('the mix is that of the network', () => {
  test.each<[EventType, number, number]>([
    ['likes', 65.3, 1.3],
    ['posts', 14.6, 10.8],
    ['reposts', 10.3, 3],
    ['follows', 9.1, 23.8],
    ['blocks', 0.7, 5],
  ])('%s are %d %%, deletes %d %% of them', (type, share, deleteShare) => {
    const ofType = events.filter(event => event.type === type)
    const deletes = ofType.filter(({ data }) => !data.includes('"record":'))
    const percent = (part: number, whole: number) => (100 * part) / whole
    expect(Math.abs(percent(ofType.length, COUNT) - share)).toBeLessThan(1)
    expect(Math.abs(percent(deletes.length, ofType.length) - deleteShare)).toBeLessThan(
      type === 'blocks' ? 5 : 2,
    )
  })

  test('one event in a hundred is flat', () => {
    const flat = events.filter(({ data }) => data.startsWith('{"collection"')).length
    expect(flat / COUNT).toBeGreaterThan(0.007)
    expect(flat / COUNT).toBeLessThan(0.013)
  })
})

describe('sizes are those of the network', () => {
  const sizesOf = (type: EventType, part: string) =>
    events
      .filter(({ type: of, data }) => of === type && data.startsWith('{"did"') && data.includes(part))
      .map(({ data }) => Buffer.byteLength(data))
      .sort((a, b) => a - b)
  const median = (sizes: readonly number[]) => sizes[sizes.length >> 1]

  test.each<[EventType, number]>([
    ['likes', 502],
    ['reposts', 506],
    ['follows', 394],
    ['blocks', 392],
  ])('half of the creates of %s have up to %d bytes', (type, bytes) => {
    expect(median(sizesOf(type, '"create"'))).toBe(bytes)
  })

  test('posts and deletes', () => {
    const posts = sizesOf('posts', '"create"')
    const mean = posts.reduce((sum, size) => sum + size, 0) / posts.length
    expect(mean).toBeGreaterThan(600)
    expect(mean).toBeLessThan(900)
    expect(median(posts)).toBeGreaterThan(650)
    expect(median(sizesOf('follows', '"delete"'))).toBeGreaterThan(195)
    expect(median(sizesOf('follows', '"delete"'))).toBeLessThan(200)
  })
})

describe('what is odd on the network is in it:', () => {
  test.each([
    ['characters beyond the BMP', /[\u{10000}-\u{10ffff}]/u],
    ['newlines', /\\n/],
    ['replies', /"reply":\{"parent"/],
    ['quotes', /"\$type":"app.bsky.embed.record","record"/],
    ['quotes with media', /embed\.recordWithMedia/],
    ['images', /embed\.images/],
    ['a gallery', /embed\.gallery/],
    ['video', /embed\.video/],
    ['link cards', /embed\.external/],
    ['an unknown embed', /"N\/A"/],
    ['the old form of blobs', /"image":\{"cid"/],
    ['self labels', /selfLabels/],
    ['via', /"via":\{"cid"/],
    ['unknown members', /bridgyOriginalText/],
    ['an unknown feature', /facet#future/],
    ['no zone', /"createdAt":"[^"]*\.\d{6}"/],
    ['eight digits', /"createdAt":"[^"]*\.\d{8}Z"/],
    ['offsets', /"createdAt":"[^"]*\+02:00"/],
    ['the year 2016', /"createdAt":"2016/],
    ["Go's escapes", /\\u003c3/],
    ['updates', /"operation":"update"/],
    ['empty texts', /"text":""/],
  ])('%s', (_name, pattern) => {
    expect(events.some(({ data }) => pattern.test(data))).toBe(true)
  })
})

test('facets point at the bytes of what they mark', () => {
  let marks = 0
  for (const { data } of events) {
    const { text, facets = [] } = JSON.parse(data).commit?.record ?? {}
    for (const { index, features } of facets) {
      const marked = Buffer.from(text).subarray(index.byteStart, index.byteEnd).toString()
      const [{ tag, uri }] = features
      if (tag !== undefined) expect(marked).toBe(`#${tag}`)
      else if (uri !== undefined) expect(`https://${marked}`).toBe(uri)
      else expect(marked).toMatch(/^@user\d+\.bsky\.social$/)
      marks += 1
    }
  }
  expect(marks).toBeGreaterThan(100)
})
