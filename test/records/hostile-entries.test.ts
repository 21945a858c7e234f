import { assert, describe, expect, test } from 'vitest'
import { rebuildEvent, sameEntry } from '../../src/records/rebuild.ts'
import { parseRejectedLine, rejectedLine } from '../../src/records/rejected-entry.ts'
import { rejectReasons, toRow } from '../../src/records/row.ts'
import { ID, limits, rowOf } from './entries.ts'
import { hostileEntries } from './hostile-entries.ts'

const good = hostileEntries.filter(({ expect }) => expect === 'row')
const bad = hostileEntries.filter(({ expect }) => expect !== 'row')

// Loops instead of test.each, which would print the 16 MiB of some entries to make a name.
describe('an entry with', () => {
  for (const { name, type, fields } of good) {
    test(`${name} becomes a row that holds all of it`, () => {
      const entry = { id: ID, fields }
      const row = rowOf(type, entry)
      assert(sameEntry(type, row, entry))

      // The row rebuilt once more leads to itself, so nothing hangs on the first text.
      const { text, fields: others } = rebuildEvent(type, row)
      const again = { id: ID, fields: [Buffer.from('data'), Buffer.from(text), ...others] }
      assert(sameEntry(type, row, again) && sameEntry(type, rowOf(type, again), entry))
    })
  }

  for (const { name, type, fields, expect: reason } of bad) {
    test(`${name} is rejected as ${reason}, whole and with a short reason`, () => {
      const entry = { id: ID, fields }
      const result = toRow(type, entry, limits)
      assert('rejected' in result)
      expect(result.rejected.reason).toBe(reason)
      expect(result.rejected.message).toMatch(/^[ -~]{10,120}$/)

      const line = rejectedLine(entry, result.rejected)
      assert(!line.includes('\n'))
      const parsed = parseRejectedLine(line)
      expect(parsed.rejection).toEqual(result.rejected)
      expect(parsed.entry.id).toBe(ID)
      assert(parsed.entry.fields.length === fields.length)
      assert(fields.every((field, at) => parsed.entry.fields[at]?.equals(field)))
    })
  }
})

test('every reason has an entry', () => {
  expect(new Set(bad.map(({ expect }) => expect))).toEqual(new Set(rejectReasons))
})

test('no entry changes the prototype of other objects', () => {
  for (const { type, fields } of hostileEntries) toRow(type, { id: ID, fields }, limits)
  expect(Object.keys(Object.prototype)).toEqual([])
  expect('polluted' in {}).toBe(false)
})

test('entries of different content are never the same', () => {
  const small = hostileEntries.filter(({ fields }) => Buffer.concat(fields).length < 10_000)
  for (const a of small.filter(entry => good.includes(entry))) {
    const row = rowOf(a.type, { id: ID, fields: a.fields })
    for (const b of small) {
      const isSame = a.type === b.type && sameEntry(a.type, row, { id: ID, fields: b.fields })
      assert(isSame === (a === b), `${a.name} and ${b.name}`)
    }
  }
})
