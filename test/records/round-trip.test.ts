import fc from 'fast-check'
import { assert, test } from 'vitest'
import { collectionOf, type EventType, eventTypes } from '../../src/records/event-type.ts'
import { rebuildEvent, sameEntry } from '../../src/records/rebuild.ts'
import { toRow } from '../../src/records/row.ts'
import { CID, DID, entryOf, ID, limits, RKEY, rowOf, TIME_US } from './entries.ts'
import { jsonObject, jsonValue } from './json-values.ts'

const type = fc.constantFrom(...eventTypes)
const bytes = fc.uint8Array({ maxLength: 6 }).map(array => Buffer.from(array))
const fieldText = fc.constantFrom('a', 'data', '1', '__proto__', '', '€', '\0').map(text => Buffer.from(text))
const others = fc
  .array(fc.tuple(fc.oneof(fieldText, bytes), fc.oneof(fieldText, bytes)), { maxLength: 3 })
  .map(pairs => pairs.flat())

/** An object with some of the members, each right or of any other value, and perhaps members of its own. */
function loosely(members: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> {
  const each = Object.fromEntries(
    Object.entries(members).map(([key, right]) => [
      key,
      fc.oneof({ weight: 5, arbitrary: right }, { weight: 1, arbitrary: jsonValue }),
    ]),
  )
  const own = fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: jsonObject })
  return fc.tuple(own, fc.record(each, { requiredKeys: [] })).map(([more, known]) => ({ ...more, ...known }))
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', 'a\ud800', '😀', '\0'),
)
const time = fc.constantFrom(
  '2026-11-21T22:05:00.000Z',
  '2026-11-21T22:05:00Z',
  '2026-11-21T22:05:00.123456Z',
  '0001-01-01T00:00:00.000Z',
  '2262-01-01T00:00:00.000Z',
  '2255-12-01T00:00:00.123Z',
)
const ref = loosely({
  uri: fc.constantFrom(`at://${DID}/app.bsky.feed.post/3k`, 'at://x'),
  cid: fc.constant(CID),
})
const list = (item: fc.Arbitrary<unknown>) => fc.array(item, { maxLength: 3 })
const media = loosely({
  $type: fc.constantFrom('app.bsky.embed.images', 'app.bsky.embed.gallery', 'app.bsky.embed.video', 'N/A'),
  images: list(loosely({ alt: anyText })),
  items: list(loosely({ alt: anyText })),
  external: loosely({ uri: anyText, title: anyText, description: anyText }),
  video: loosely({}),
  record: fc.oneof(ref, loosely({ record: ref })),
})
const facet = loosely({
  features: list(
    loosely({
      $type: fc.constantFrom('link', 'mention', 'tag').map(kind => `app.bsky.richtext.facet#${kind}`),
      uri: anyText,
      did: anyText,
      tag: anyText,
    }),
  ),
})
const post = loosely({
  $type: fc.constant('app.bsky.feed.post'),
  createdAt: time,
  text: anyText,
  langs: list(anyText),
  reply: loosely({ parent: ref, root: ref }),
  embed: fc.oneof(media, loosely({ $type: anyText, media, record: loosely({ record: ref }) })),
  facets: list(facet),
  tags: list(anyText),
  labels: loosely({ values: list(loosely({ val: anyText })) }),
})
const recordOf: Readonly<Record<EventType, fc.Arbitrary<unknown>>> = {
  posts: post,
  likes: loosely({ $type: fc.constant('app.bsky.feed.like'), createdAt: time, subject: ref, via: ref }),
  reposts: loosely({ $type: fc.constant('app.bsky.feed.repost'), createdAt: time, subject: ref, via: ref }),
  follows: loosely({ createdAt: time, subject: fc.constant(DID), via: ref }),
  blocks: loosely({ createdAt: time, subject: fc.constant(DID) }),
}

/** Events that nearly always have a row: only the parts a row cannot do without are always right. */
const event = type.chain(of => {
  const record = fc.option(recordOf[of], { nil: undefined, freq: 8 })
  const collection = fc.constant(collectionOf[of])
  const rkey = fc.constantFrom(RKEY, 'self', 'a/b', '\0')
  const commit = fc.tuple(
    loosely({ rev: anyText, cid: fc.constant(CID), record }),
    fc.record({ collection, rkey, operation: fc.constantFrom('create', 'update', 'delete') }),
  )
  const timeUs = fc.constantFrom(TIME_US, 1, Number.MAX_SAFE_INTEGER)
  const jetstream = fc
    .tuple(loosely({ kind: fc.constant('commit'), time_us: timeUs }), commit)
    .map(([top, [loose, needed]]) => ({ ...top, did: DID, commit: { ...loose, ...needed } }))
  const flat = fc
    .tuple(loosely({ cid: fc.constant(CID), indexedAt: time }), fc.record({ collection, rkey, record }))
    .map(([top, needed]) => ({ ...top, repo: DID, ...needed }))
  return fc.tuple(
    fc.constant(of),
    fc.oneof({ weight: 4, arbitrary: jetstream }, { weight: 1, arbitrary: flat }),
  )
})

/** The JSON value without its order of keys; the top-level nulls of a flat event count as absent. */
function meaning(text: string): unknown {
  const json: unknown = JSON.parse(text)
  const isFlat =
    typeof Object(json).commit !== 'object' ||
    Object(json).commit === null ||
    Array.isArray(Object(json).commit)
  return isFlat
    ? Object.fromEntries(Object.entries(Object(json)).filter(([, value]) => value !== null))
    : json
}

test('event to row to event gives the same event back, and every other field', () => {
  let rows = 0
  fc.assert(
    fc.property(event, others, ([of, json], more) => {
      const entry = entryOf(json, more)
      if ('rejected' in toRow(of, entry, limits)) return
      rows += 1
      const row = rowOf(of, entry)
      const { text, fields } = rebuildEvent(of, row)
      assert.deepEqual(meaning(text), meaning(JSON.stringify(json)))
      assert.deepEqual(fields, more)
      assert(sameEntry(of, row, entry))
    }),
    { numRuns: 3_000 },
  )
  assert(rows > 1_500, `only ${rows} of the events had a row, so little was tested`)
})

test('two entries are the same exactly when their events and other fields are equal', () => {
  fc.assert(
    fc.property(event, event, others, others, ([of, a], [, b], moreOfA, moreOfB) => {
      const result = toRow(of, entryOf(a, moreOfA), limits)
      if ('rejected' in result) return
      for (const [json, more] of [
        [b, moreOfA],
        [a, moreOfB],
        [a, moreOfA],
      ] as const) {
        const isSame =
          isEqual(meaning(JSON.stringify(a)), meaning(JSON.stringify(json))) && isEqual(moreOfA, more)
        assert.equal(sameEntry(of, result.row, entryOf(json, more)), isSame)
      }
    }),
    { numRuns: 1_000 },
  )
})

test('any bytes in any fields give a row or a rejection, and never an error', () => {
  const data = fc.oneof(
    bytes,
    jsonValue.map(value => Buffer.from(JSON.stringify(value))),
  )
  fc.assert(
    fc.property(type, data, others, (of, first, more) => {
      const entry = { id: ID, fields: [Buffer.from('data'), first, ...more] }
      assert('rejected' in toRow(of, entry, limits))
      sameEntry(
        of,
        rowOf(
          'blocks',
          entryOf({ did: DID, commit: { collection: collectionOf.blocks, rkey: 'a', operation: 'create' } }),
        ),
        entry,
      )
    }),
  )
})

function isEqual(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}
