import type { EventType } from '../../src/records/event-type.ts'
import type { RejectReason } from '../../src/records/row.ts'
import { CID, DID, entryOf, flatEvent, jetstreamEvent, limits, RKEY, TIME_US } from './entries.ts'

export type HostileEntry = {
  readonly name: string
  readonly type: EventType
  readonly fields: Buffer[]
  readonly expect: RejectReason | 'row'
}

const post = jetstreamEvent('posts', {
  $type: 'app.bsky.feed.post',
  text: 'hello',
  createdAt: '2026-11-21T22:05:00.000Z',
})
const postText = JSON.stringify(post)
const nested = (levels: number, open: string, close: string) =>
  `${open.repeat(levels)}1${close.repeat(levels)}`
const postWith = (members: string) => postText.replace('"text":"hello"', `"text":"hello",${members}`)

/** Entries no producer should write, and what must become of them: no row for this reason, or a row that holds all. */
export const hostileEntries: readonly HostileEntry[] = [
  rejected('no-data', 'no fields at all', []),
  rejected('no-data', 'a field of another name', ['Data', postText]),
  rejected('no-data', 'a name without a value', ['data']),
  rejected('no-data', 'data as a value only', ['event', 'data']),
  rejected('too-large', 'more bytes than ENTRY_BYTES_MAX', ['data', ' '.repeat(limits.entryBytesMax)]),
  rejected('too-large', 'another field of too many bytes', [
    'a',
    'x'.repeat(limits.entryBytesMax),
    'data',
    postText,
  ]),
  rejected('not-utf8', 'a byte that is not UTF-8', ['data', bytes(postText, [0xff])]),
  rejected('not-utf8', 'a lone surrogate as three bytes', [
    'data',
    bytes('{"a":"', [0xed, 0xa0, 0x80], '"}'),
  ]),
  rejected('not-utf8', 'an overlong encoding', ['data', bytes('{"a":"', [0xc0, 0xaf], '"}')]),
  rejected('not-utf8', 'a character cut in two', ['data', bytes('{"a":"', [0xf0, 0x9f, 0x98])]),
  rejected('bad-json', 'an empty text', ['data', '']),
  rejected('bad-json', 'half an event', ['data', postText.slice(0, 200)]),
  rejected('bad-json', 'two events', ['data', `${postText}\n${postText}`]),
  rejected('bad-json', 'a byte order mark', ['data', `\uFEFF${postText}`]),
  rejected('bad-json', 'a raw NUL within a text', ['data', postText.replace('hello', 'he\0llo')]),
  rejected('bad-json', 'NaN', ['data', postWith('"a":NaN')]),
  rejected('bad-json', 'brackets that never close', ['data', '['.repeat(1_000_000)]),
  rejected('bad-json', 'a quote that never closes', ['data', `"${'\\"'.repeat(2_000_000)}`]),
  rejected('bad-json', 'more levels than memory can hold', [
    'data',
    postWith(`"deep":${nested(3_000_000, '[', ']')}`),
  ]),
  rejected('not-an-object', 'null', ['data', 'null']),
  rejected('not-an-object', 'a list', ['data', `[${postText}]`]),
  rejected('not-an-object', 'a text', ['data', JSON.stringify(postText)]),
  rejected('not-an-object', 'a number', ['data', '1']),
  rejected('not-an-object', 'a list of a million levels', ['data', nested(1_000_000, '[', ']')]),
  rejected('other-collection', 'an empty object', ['data', '{}']),
  rejected('other-collection', 'a like', json(jetstreamEvent('likes', {}))),
  rejected('other-collection', 'a flat like', json(flatEvent('likes', {}))),
  rejected(
    'other-collection',
    'an identity event',
    json({ did: DID, time_us: TIME_US, kind: 'identity', identity: {} }),
  ),
  rejected('other-collection', 'a commit that is a list', json({ did: DID, kind: 'commit', commit: [] })),
  rejected('other-collection', 'a collection hidden in __proto__', [
    'data',
    `{"did":"${DID}","__proto__":{"commit":{"collection":"app.bsky.feed.post","operation":"delete","rkey":"a"}}}`,
  ]),
  rejected('no-did', 'no did', json({ ...post, did: undefined })),
  rejected('no-did', 'an empty did', json({ ...post, did: '' })),
  rejected('no-did', 'a did that is a number', json({ ...post, did: 123 })),
  rejected('no-did', 'a did with a lone surrogate', json({ ...post, did: 'did:plc:\ud800' })),
  rejected('no-did', 'a flat event without repo', json(flatEvent('posts', {}, { repo: null, did: DID }))),
  rejected('no-rkey', 'no rkey', json(jetstreamEvent('posts', {}, { rkey: undefined }))),
  rejected('no-rkey', 'an empty rkey', json(jetstreamEvent('posts', {}, { rkey: '' }))),
  rejected(
    'no-rkey',
    'an rkey with a lone surrogate',
    json(jetstreamEvent('posts', {}, { rkey: 'a\udc00' })),
  ),
  rejected(
    'unknown-operation',
    'the old c for create',
    json(jetstreamEvent('posts', {}, { operation: 'c' })),
  ),
  rejected('unknown-operation', 'no operation', json(jetstreamEvent('posts', {}, { operation: undefined }))),
  rejected(
    'unknown-operation',
    'an inherited name',
    json(jetstreamEvent('posts', {}, { operation: 'toString' })),
  ),
  rejected('unknown-operation', 'a flat record that is a list', json(flatEvent('posts', []))),
  rejected('unknown-operation', 'a flat cid without a record', json(flatEvent('posts', undefined))),

  odd('an update of a post', json(jetstreamEvent('posts', { text: 'new' }, { operation: 'update' }))),
  odd('no record', json(jetstreamEvent('posts', undefined))),
  odd('a record that is a text', json(jetstreamEvent('posts', 'a text'))),
  odd('a record that is null', json(jetstreamEvent('posts', null))),
  odd(
    'a delete with a record and a cid',
    json(jetstreamEvent('posts', { text: 'gone' }, { operation: 'delete' })),
  ),
  odd(
    'only what is needed',
    json({ did: DID, commit: { collection: 'app.bsky.feed.post', rkey: RKEY, operation: 'delete' } }),
  ),
  odd(
    'NULs in every text',
    json(jetstreamEvent('posts', { text: 'a\0b', langs: ['\0'], '\0': '\0' }, { rkey: 'a\0' })),
  ),
  odd(
    'lone surrogates',
    json(
      jetstreamEvent(
        'posts',
        { text: 'a\ud800', langs: ['\udfff'], tags: ['\ud83d'], '\udc00': 1 },
        { cid: '\ud800' },
      ),
    ),
  ),
  odd('a surrogate pair through escapes', ['data', postText.replace('hello', '\\ud83d\\ude00')]),
  odd('__proto__ as a key', [
    'data',
    postWith('"__proto__":{"text":"x","polluted":true},"constructor":{"prototype":{"polluted":true}}'),
  ]),
  odd('an empty __proto__', ['data', postWith('"__proto__":{}')]),
  odd('__proto__ at the top', [
    'data',
    postText.replace('{', '{"__proto__":{"polluted":true},"toString":1,"hasOwnProperty":2,'),
  ]),
  odd('200 levels', ['data', postWith(`"deep":${nested(197, '[', ']')}`)]),
  odd('10,000 levels of lists', ['data', postWith(`"deep":${nested(10_000, '[', ']')}`)]),
  odd('10,000 levels of objects', ['data', postWith(`"deep":${nested(10_000, '{"a":', '}')}`)]),
  odd('a million levels of lists', ['data', postWith(`"deep":${nested(1_000_000, '[', ']')}`)]),
  odd('a million levels of objects', ['data', postWith(`"deep":${nested(1_000_000, '{"a":', '}')}`)]),
  odd('the year 0001', ['data', postText.replace('2026-11-21T22:05:00.000Z', '0001-01-01T00:00:00.000Z')]),
  odd('the year 292277', [
    'data',
    postText.replace('2026-11-21T22:05:00.000Z', '+292277-01-09T04:00:54.775Z'),
  ]),
  odd('a createdAt that is no time', ['data', postText.replace('2026-11-21T22:05:00.000Z', 'garbage')]),
  odd('a time_us before Bluesky', json({ ...post, time_us: 1 })),
  odd('a time_us far ahead', json({ ...post, time_us: Number.MAX_SAFE_INTEGER })),
  odd('a time_us as a text', json({ ...post, time_us: String(TIME_US) })),
  odd('no time_us', json({ ...post, time_us: undefined })),
  odd('a time_us beyond 2^53', ['data', postText.replace(String(TIME_US), '9007199254740993')]),
  odd('huge integers', [
    'data',
    postWith('"a":9223372036854775807,"b":-9007199254740993,"c":[123456789012345678901234567890]'),
  ]),
  odd('1e400', ['data', postWith('"a":1e400')]),
  odd('-0', ['data', postWith('"a":-0')]),
  odd('numbers in other spellings', ['data', postWith('"a":1.0,"b":1E2,"c":0.10')]),
  odd('a key twice', ['data', postWith('"text":"second"')]),
  odd('a key twice, one of them escaped', ['data', postWith('"\\u0074ext":"second"')]),
  odd('white space everywhere', ['data', JSON.stringify(post, null, '\t\r\n ')]),
  odd("escapes as Go's", ['data', postText.replace('hello', '\\u003c\\u003e\\u0026\\u2028\\/')]),
  odd('explicit nulls', json(jetstreamEvent('posts', { text: null, reply: { parent: null }, embed: null }))),
  odd('nulls within lists', json(jetstreamEvent('posts', { langs: [null], facets: [{ a: null }] }))),
  odd(
    'keys that extra uses itself',
    json({ ...post, $text: 'a', $event: {}, $shape: 'flat', $fields: { a: 'b' } }),
  ),
  odd(
    'empty keys and texts',
    json({ ...jetstreamEvent('posts', { '': '', text: '', langs: [], tags: [''] }), '': {} }),
  ),
  odd('wrong types everywhere', json(jetstreamEvent('posts', wrongPost(), { rev: 1, cid: {} }))),
  odd(
    'lists for objects',
    json(jetstreamEvent('posts', { reply: [], embed: [], facets: {}, labels: [], tags: {} })),
  ),
  odd(
    'a like of wrong types',
    json(jetstreamEvent('likes', { subject: DID, via: 1, createdAt: 5 })),
    'likes',
  ),
  odd(
    'a like of an odd subject',
    json(jetstreamEvent('likes', { subject: { uri: 'at://a.bsky.social/x', cid: [] } })),
    'likes',
  ),
  odd(
    'a repost with more in its refs',
    json(jetstreamEvent('reposts', { subject: { uri: 'at://x', cid: CID, $type: 'ref' } })),
    'reposts',
  ),
  odd('a follow of an object', json(jetstreamEvent('follows', { subject: { uri: 'at://x' } })), 'follows'),
  odd('a block of nobody', json(jetstreamEvent('blocks', {})), 'blocks'),
  odd('a flat create', json(flatEvent('posts', { text: 'flat' }))),
  odd('a flat delete with nulls', json(flatEvent('posts', null, { cid: null }))),
  odd(
    'a flat event of an odd time',
    json(flatEvent('posts', { text: 'flat' }, { indexedAt: '2026-11-21 22:05' })),
  ),
  odd(
    'a flat event with our keys and a null inside',
    json(flatEvent('posts', { text: null }, { $shape: 'x' })),
  ),
  odd('other fields', ['source', 'x', 'data', postText, 'trace', '']),
  odd('data twice', ['data', postText, 'data', 'not even json']),
  odd('fields that are not UTF-8', ['data', postText, bytes([0xff]), bytes([0x00, 0xfe])]),
  odd('fields of one name', ['a', '1', 'data', postText, 'a', '2']),
  odd('fields named by numbers and __proto__', [
    'b',
    '1',
    '2',
    'x',
    '1',
    'y',
    '__proto__',
    'z',
    'data',
    postText,
  ]),
]

function wrongPost(): object {
  return {
    $type: 5,
    text: 7,
    createdAt: {},
    langs: 'en',
    reply: { parent: 'x', root: { uri: 1, cid: 'c' } },
    embed: { $type: [], record: { record: 5 }, external: 'x', images: [1, null, {}], media: { items: 5 } },
    facets: [
      1,
      null,
      { features: 'x' },
      { features: [null, { $type: 'app.bsky.richtext.facet#link', uri: 5 }] },
    ],
    labels: { values: [{ val: 5 }, 'x'] },
    tags: [1, {}],
  }
}

function rejected(expect: RejectReason, name: string, fields: readonly (string | Buffer)[]): HostileEntry {
  return { name, type: 'posts', fields: fields.map(field => Buffer.from(field)), expect }
}

function odd(name: string, fields: readonly (string | Buffer)[], type: EventType = 'posts'): HostileEntry {
  return { name, type, fields: fields.map(field => Buffer.from(field)), expect: 'row' }
}

function json(event: object): Buffer[] {
  return [...entryOf(event).fields]
}

function bytes(...parts: readonly (string | readonly number[])[]): Buffer {
  return Buffer.concat(
    parts.map(part => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([...part]))),
  )
}
