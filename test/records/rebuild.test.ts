import { describe, expect, test } from 'vitest'
import { rebuildEvent, sameEntry } from '../../src/records/rebuild.ts'
import { DID, entryOf, flatEvent, jetstreamEvent, rowOf } from './entries.ts'

const event = jetstreamEvent('posts', {
  $type: 'app.bsky.feed.post',
  text: 'hello',
  langs: ['en'],
  tags: ['a'],
})
const text = JSON.stringify(event)
const row = rowOf('posts', entryOf(event, ['source', 'x']))

describe('a row is of', () => {
  test.each([
    ['the entry it was made of', entryOf(event, ['source', 'x'])],
    ['the same under another id', entryOf(event, ['source', 'x'], '1795298700999-7')],
    ['the same in another order of keys', entryOf(reversed(text), ['source', 'x'])],
    ['the same with other escapes and spaces', entryOf(JSON.stringify(event, null, 1), ['source', 'x'])],
  ])('%s', (_name, entry) => {
    expect(sameEntry('posts', row, entry)).toBe(true)
  })
})

describe('a row is not of', () => {
  test.each([
    ['an entry with another text', entryOf(text.replace('hello', 'Hello'), ['source', 'x'])],
    ['an entry with another tag', entryOf(text.replace('["a"]', '["b"]'), ['source', 'x'])],
    ['an entry with one member more', entryOf(text.replace('"text"', '"new":1,"text"'), ['source', 'x'])],
    ['an entry with one member less', entryOf(text.replace('"langs":["en"],', ''), ['source', 'x'])],
    ['an entry with a key twice', entryOf(text.replace('"text"', '"text":"hello","text"'), ['source', 'x'])],
    ['an entry with another field', entryOf(event, ['source', 'y'])],
    ['an entry without the other field', entryOf(event)],
    ['an entry without data', { id: '1-1', fields: [] }],
    ['an entry with broken JSON', entryOf(text.slice(1), ['source', 'x'])],
    ['an entry that is not UTF-8', { id: '1-1', fields: [Buffer.from('data'), Buffer.from([0xff])] }],
  ])('%s', (_name, entry) => {
    expect(sameEntry('posts', row, entry)).toBe(false)
  })

  test('an entry whose big integer only looks equal to JSON.parse', () => {
    const withNumber = (number: string) => entryOf(text.replace('"text"', `"n":${number},"text"`))
    const exact = rowOf('posts', withNumber('9007199254740992'))
    const inexact = rowOf('posts', withNumber('9007199254740993'))
    expect(sameEntry('posts', exact, withNumber('9007199254740993'))).toBe(false)
    expect(sameEntry('posts', inexact, withNumber('9007199254740992'))).toBe(false)
    expect(sameEntry('posts', inexact, withNumber('9007199254740993'))).toBe(true)
  })

  test('an entry in the other shape', () => {
    expect(
      sameEntry(
        'blocks',
        rowOf('blocks', entryOf(flatEvent('blocks', {}))),
        entryOf(jetstreamEvent('blocks', {})),
      ),
    ).toBe(false)
  })

  test.each([
    '{',
    'null',
    '[]',
    '"a"',
    '{"$text":5}',
    '{"$fields":5}',
    '{"$fields":[["a",5]]}',
    '{"$event":null}',
  ])('anything when its extra is damaged: %s', extra => {
    expect(sameEntry('posts', { ...row, extra }, entryOf(event, ['source', 'x']))).toBe(false)
  })

  test('anything when columns are missing', () => {
    expect(sameEntry('posts', {}, entryOf(event))).toBe(false)
    expect(sameEntry('posts', { ...row, created_at: Number.NaN, event_time: 1e300 }, entryOf(event))).toBe(
      false,
    )
  })
})

test('top-level nulls of a flat event do not make another entry', () => {
  const gone = rowOf('likes', entryOf(flatEvent('likes', undefined, { cid: undefined })))
  expect(sameEntry('likes', gone, entryOf(flatEvent('likes', null, { cid: null })))).toBe(true)
})

test('what only its text can say is rebuilt as that text', () => {
  const odd = text.replace('"hello"', '"hello" , "n":1.0')
  expect(rebuildEvent('posts', rowOf('posts', entryOf(odd, ['b', Buffer.from([0xff])])))).toEqual({
    text: odd,
    fields: [Buffer.from('b'), Buffer.from([0xff])],
  })
})

test('a row whose extra is not ours cannot be rebuilt', () => {
  expect(() => rebuildEvent('posts', { ...row, did: DID, extra: '[]' })).toThrow('must hold a JSON object')
})

function reversed(json: string): string {
  const turn = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([key, member]) => [key, turn(member)]),
        )
      : value
  return JSON.stringify(turn(JSON.parse(json)))
}
