import { assert, describe, expect, test } from 'vitest'
import type { Value } from '../../src/records/columns.ts'
import type { EventType } from '../../src/records/event-type.ts'
import {
  CID,
  DID,
  entryOf,
  extraOf,
  flatEvent,
  ID,
  jetstreamEvent,
  RKEY,
  rebuiltJson,
  rowOf,
  TIME_US,
} from './entries.ts'

const uriOf = (collection: string) => `at://${DID}/${collection}/${RKEY}`
const ref = { cid: CID, uri: uriOf('app.bsky.feed.post') }
const created = { createdAt: '2026-11-21T22:04:59.250Z' }
const envelope = {
  stream_id: ID,
  event_time: TIME_US,
  did: DID,
  rkey: RKEY,
  operation: 'create',
  rev: '3lawvnsupm222',
  cid: CID,
  created_at: 1_795_298_699_250_000,
}
const subject = {
  subject_uri: ref.uri,
  subject_cid: CID,
  subject_did: DID,
  subject_collection: 'app.bsky.feed.post',
}
const noVia = { via_uri: null, via_cid: null }

const plainRecords: [EventType, string, object, Record<string, Value>][] = [
  ['likes', 'app.bsky.feed.like', { subject: ref }, { ...subject, ...noVia }],
  ['likes', 'app.bsky.feed.like', { subject: ref, via: ref }, { ...subject, via_uri: ref.uri, via_cid: CID }],
  ['reposts', 'app.bsky.feed.repost', { subject: ref }, { ...subject, ...noVia }],
  ['follows', 'app.bsky.graph.follow', { subject: DID }, { subject_did: DID, ...noVia }],
  [
    'follows',
    'app.bsky.graph.follow',
    { subject: DID, via: ref },
    { subject_did: DID, via_uri: ref.uri, via_cid: CID },
  ],
  ['blocks', 'app.bsky.graph.block', { subject: DID }, { subject_did: DID }],
]

describe('what the columns tell in full leaves no extra', () => {
  test.each(plainRecords)('%s of %s', (type, $type, record, columns) => {
    const row = rowOf(type, entryOf(jetstreamEvent(type, { $type, ...created, ...record })))
    expect(row).toEqual({ ...envelope, uri: uriOf($type), ...columns, extra: null })
  })

  test('a delete', () => {
    const change = { operation: 'delete', cid: undefined }
    const row = rowOf('follows', entryOf(jetstreamEvent('follows', undefined, change)))
    const nothing = { cid: null, created_at: null, subject_did: null, ...noVia, extra: null }
    expect(row).toEqual({ ...envelope, uri: uriOf('app.bsky.graph.follow'), operation: 'delete', ...nothing })
  })
})

const post = (record: object, commit?: object) =>
  rowOf(
    'posts',
    entryOf(jetstreamEvent('posts', { $type: 'app.bsky.feed.post', text: '', ...record }, commit)),
  )
describe('extra', () => {
  test('holds what has no column at its own place', () => {
    const row = post({
      embed: { $type: 'N/A' },
      createdAt: '2026-11-21T22:04:59.250123Z',
      lol: [1],
      langs: 'en',
    })
    expect(row.created_at).toBe(1_795_298_699_250_123)
    const record = {
      embed: { $type: 'N/A' },
      createdAt: '2026-11-21T22:04:59.250123Z',
      lol: [1],
      langs: 'en',
    }
    expect(extraOf(row)).toEqual({ commit: { record } })
  })

  test('takes away what the columns would add', () => {
    const event = { did: DID, commit: { collection: 'app.bsky.feed.post', rkey: RKEY, operation: 'create' } }
    const row = rowOf('posts', entryOf(event))
    expect(extraOf(row)).toEqual({ time_us: null, kind: null, commit: { record: null } })
    expect(row).toMatchObject({ text: null, image_count: null, has_video: null, created_at: null })
    expect(rebuiltJson('posts', row)).toEqual(event)
  })

  test('keeps a lone surrogate as an escape', () => {
    const row = post({ text: 'a\ud83d' })
    expect(row.text).toBe(null)
    expect(row.extra).toContain('"text":"a\\ud83d"')
  })

  test('is the whole event where that holds a null which a patch cannot say', () => {
    const event = jetstreamEvent('posts', { text: null })
    expect(extraOf(rowOf('posts', entryOf(event)))).toEqual({ $event: event })
    expect(extraOf(post({ langs: [null] }))).toEqual({
      commit: { record: { langs: [null], createdAt: undefined } },
    })
  })

  test('is the text itself where a value cannot hold it', () => {
    const text = JSON.stringify(jetstreamEvent('posts', { text: 'a' })).replace(
      '"a"',
      '"a","n":9007199254740993',
    )
    const row = rowOf('posts', entryOf(text))
    expect(row.text).toBe('a')
    expect(extraOf(row)).toEqual({ $text: text })
  })

  test('names the flat shape, and takes its top-level nulls for absent', () => {
    const event = flatEvent('likes', { $type: 'app.bsky.feed.like', ...created, subject: ref })
    const row = rowOf('likes', entryOf(event))
    expect(row).toEqual({
      ...envelope,
      uri: uriOf('app.bsky.feed.like'),
      rev: null,
      ...subject,
      ...noVia,
      extra: '{"$shape":"flat"}',
    })
    expect(rebuiltJson('likes', row)).toEqual(event)

    const gone = rowOf('likes', entryOf(flatEvent('likes', null, { cid: null })))
    expect(gone).toMatchObject({
      operation: 'delete',
      event_time: TIME_US,
      cid: null,
      extra: '{"$shape":"flat"}',
    })
    expect(rebuiltJson('likes', gone)).toEqual(flatEvent('likes', undefined, { cid: undefined }))
  })

  test('holds the other fields of the entry', () => {
    const event = jetstreamEvent('blocks', { $type: 'app.bsky.graph.block', ...created, subject: DID })
    const fieldsOf = (...more: (string | Buffer)[]) => extraOf(rowOf('blocks', entryOf(event, more)))
    expect(fieldsOf('source', 'x', 'n', '')).toEqual({ $fields: { source: 'x', n: '' } })
    expect(fieldsOf('a', '1', 'a', '2')).toEqual({
      $fields: [
        ['a', '1'],
        ['a', '2'],
      ],
    })
    expect(fieldsOf('a', Buffer.from([0xff]))).toEqual({ $fields: [['a', { $base64: '/w==' }]] })
    expect(fieldsOf('2', 'x', '1', 'y')).toEqual({
      $fields: [
        ['2', 'x'],
        ['1', 'y'],
      ],
    })
    expect(fieldsOf('data', 'second')).toEqual({ $fields: { data: 'second' } })
  })

  test('cannot be mistaken when the event uses the same words', () => {
    const event = { ...jetstreamEvent('posts', {}), $shape: 'flat', $fields: { a: 'b' } }
    expect(extraOf(rowOf('posts', entryOf(event, ['c', 'd'])))).toEqual({
      $event: event,
      $fields: { c: 'd' },
    })
  })
})

describe('the subject is cut from its uri only when that names a record', () => {
  test.each([
    [`at://${DID}/app.bsky.feed.post/3k`, DID, 'app.bsky.feed.post'],
    [
      'at://did:web:example.com%3A8080/app.bsky.feed.generator/a:b',
      'did:web:example.com%3A8080',
      'app.bsky.feed.generator',
    ],
    [`at://${DID}/app.bsky.feed.post`, null, null],
    [`at://${DID}/app.bsky.feed.post/`, null, null],
    [`at://${DID}/app.bsky.feed.post/3k/more`, null, null],
    [`at://${DID}/app.bsky.feed.post/3k#part`, null, null],
    ['at://someone.bsky.social/app.bsky.feed.post/3k', null, null],
    [`https://${DID}/app.bsky.feed.post/3k`, null, null],
  ])('%s', (uri, did, collection) => {
    const row = rowOf('likes', entryOf(jetstreamEvent('likes', { subject: { uri } })))
    expect(row).toMatchObject({ subject_uri: uri, subject_did: did, subject_collection: collection })
  })
})

test('a delete has no columns of a record, even when it comes with one', () => {
  const event = jetstreamEvent(
    'posts',
    { text: 'gone', createdAt: '2026-11-21T22:04:59.250Z' },
    { operation: 'delete' },
  )
  const row = rowOf('posts', entryOf(event))
  expect(row).toMatchObject({ cid: null, text: null, created_at: null, image_count: null, has_video: null })
  assert.deepEqual(rebuiltJson('posts', row), JSON.parse(JSON.stringify(event)))
})
