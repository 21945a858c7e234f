import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { type CommitRecord, parseRecord, sealed, serializeRecord } from '../../src/dataset/commit-record.ts'
import { eventTypes } from '../../src/records/event-type.ts'
import { refusal } from './dataset-folder.ts'

const PATH = '/data/_log/test_posts/0000/00000000000000000042.json'

const anyId = fc.tuple(fc.nat(), fc.nat()).map(([ms, seq]) => `${ms}-${seq}`)
const anyFile = fc.record({
  path: below(fc.string({ unit: 'binary' })),
  staged: below(fc.string()),
  rows: fc.nat(),
  bytes: fc.maxSafeNat(),
  checksum: fc.string(),
  first: anyId,
  last: anyId,
})
const anyPartitioned = fc.tuple(anyFile, fc.string()).map(([file, partition]) => ({ ...file, partition }))
const anyRecord: fc.Arbitrary<CommitRecord> = fc.record({
  version: fc.constant(1),
  kind: fc.constantFrom('append', 'replace', 'abort'),
  number: fc.maxSafeNat(),
  attempt: fc.uuid(),
  aborts: fc.option(fc.uuid()),
  stream: fc.string(),
  type: fc.constantFrom(...eventTypes),
  run: fc.string({ unit: 'binary' }),
  time: fc.string(),
  runs: fc.array(fc.tuple(anyId, anyId, fc.nat()), { maxLength: 3 }),
  files: fc.array(anyPartitioned, { maxLength: 3 }),
  rejected: fc.option(anyFile),
  removes: fc.array(below(fc.string()), { maxLength: 3 }),
})

const unreadable = refusal('unreadable-record', PATH)

test('a record reads back as it was written, in one line', () => {
  fc.assert(
    fc.property(anyRecord, record => {
      const text = serializeRecord(record)
      expect(parseRecord(text, PATH)).toEqual(record)
      expect(text.indexOf('\n')).toBe(text.length - 1)
    }),
  )
})

test('a byte that was changed anywhere in it is found', () => {
  fc.assert(
    fc.property(anyRecord, fc.nat(), fc.integer({ min: 1, max: 255 }), (record, where, mask) => {
      const bytes = Buffer.from(serializeRecord(record))
      const at = where % (bytes.length - 1)
      bytes[at] = (bytes[at] ?? 0) ^ mask
      expectRefusedOrSame(bytes.toString(), record)
    }),
    { numRuns: 500 },
  )
})

test('a record that was cut anywhere is found', () => {
  fc.assert(
    fc.property(anyRecord, fc.nat(), (record, where) => {
      const text = serializeRecord(record)
      const cut = text.slice(0, where % (text.length - 1))
      expect(() => parseRecord(cut, PATH)).toThrowError(expect.toSatisfy(unreadable))
    }),
  )
})

describe('a record is refused, by its path and with what to do,', () => {
  const record = fc.sample(anyRecord, 1)[0] as CommitRecord

  test.each<[string, string, string]>([
    ['when it is empty, as a file is whose bytes never reached the disk', '', 'it is empty'],
    ['when it is no JSON', '{"version":1', 'it is no whole JSON'],
    ['when it is no object', '[]', 'it is no JSON object'],
    ['when its checksum is missing', JSON.stringify(record), 'its checksum does not fit'],
    ['when it is of a later version', sealed({ ...record, version: 2 }), 'it is of version 2'],
    ['when its kind is unknown', sealed({ ...record, kind: 'squash' }), 'or not one'],
    ['when its type is unknown', sealed({ ...record, type: 'lists' }), 'or not one'],
    ['when its runs are no ids', sealed({ ...record, runs: [['5', '6-0', 1]] }), 'or not one'],
    ['when its number is none', sealed({ ...record, number: 1.5 }), 'or not one'],
    ['when its files are missing', sealed({ ...record, files: undefined }), 'or not one'],
  ])('%s', (_when, text, why) => {
    expect(() => parseRecord(text, PATH)).toThrowError(expect.toSatisfy(unreadable))
    expect(() => parseRecord(text, PATH)).toThrow(why)
    expect(() => parseRecord(text, PATH)).toThrow('the entries stay on the streams')
  })
})

/** JSON has a few texts for one value (`\u0041`, whitespace): those say the same, and are no damage. */
function expectRefusedOrSame(text: string, record: CommitRecord): void {
  try {
    expect(parseRecord(text, PATH)).toEqual(record)
  } catch (error) {
    expect(error).toSatisfy(unreadable)
  }
}

test.each(['/etc/passwd', '../outside', 'year=2026/../../outside'])(
  'a path that leads out of DATA_DIR is refused: %s',
  path => {
    const [record] = fc.sample(anyRecord, { numRuns: 1, seed: 1 })
    if (record === undefined) throw new Error('there is no sample')
    for (const led of [
      { ...record, removes: [path] },
      { ...record, files: [{ path, staged: 'a', rows: 1 }] },
    ]) {
      expect(() => parseRecord(sealed(led), 'a record')).toThrow(/cannot be read/)
    }
  },
)

/** Paths as records hold them. */
function below(path: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return path.filter(text => !text.startsWith('/') && !text.split('/').includes('..'))
}
