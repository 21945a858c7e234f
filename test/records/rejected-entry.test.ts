import fc from 'fast-check'
import { assert, describe, expect, test } from 'vitest'
import { parseRejectedLine, rejectedLine } from '../../src/records/rejected-entry.ts'
import { rejectReasons } from '../../src/records/row.ts'

test('any entry comes back from its line byte for byte', () => {
  const field = fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc.string({ unit: 'grapheme' }).map(text => Buffer.from(text)),
  )
  fc.assert(
    fc.property(fc.array(field, { maxLength: 7 }), fc.constantFrom(...rejectReasons), (fields, reason) => {
      const entry = { id: '1795298700500-3', fields: fields.map(bytes => Buffer.from(bytes)) }
      const rejection = { reason, message: 'The reason.' }
      const line = rejectedLine(entry, rejection)
      assert(!/[\n\r]/.test(line))
      assert.deepEqual(parseRejectedLine(line), { entry, rejection })
    }),
  )
})

test('a line can be read without us', () => {
  const entry = {
    id: '1-0',
    fields: [Buffer.from('data'), Buffer.from('{"a":\n'), Buffer.from([0xff]), Buffer.from('')],
  }
  expect(JSON.parse(rejectedLine(entry, { reason: 'bad-json', message: 'Why.' }))).toEqual({
    id: '1-0',
    reason: 'bad-json',
    message: 'Why.',
    fields: [
      ['data', '{"a":\n'],
      [{ $base64: '/w==' }, ''],
    ],
  })
})

describe('a damaged line is refused', () => {
  const good = { id: '1-0', reason: 'bad-json', message: 'Why.', fields: [['a', 'b']] }
  test.each([
    null,
    { ...good, id: 'x' },
    { ...good, reason: 'other' },
    { ...good, message: 5 },
    { ...good, fields: 'x' },
    { ...good, fields: ['x'] },
    { ...good, fields: [[5]] },
  ])('%j', line => {
    expect(() => parseRejectedLine(JSON.stringify(line))).toThrow(/must/)
  })
})
