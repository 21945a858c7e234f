import fc from 'fast-check'
import { assert, expect, test } from 'vitest'
import { compareIds, isEntryId, LAST_ID, millisecondsOf } from '../../src/records/stream-entry.ts'

test('ids are ordered as Redis orders them, by both numbers of 64 bits', () => {
  const number = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  fc.assert(
    fc.property(number, number, number, number, (aMs, aSequence, bMs, bSequence) => {
      const expected = aMs === bMs ? Number(aSequence - bSequence) : Number(aMs - bMs)
      assert.equal(Math.sign(compareIds(`${aMs}-${aSequence}`, `${bMs}-${bSequence}`)), Math.sign(expected))
      assert.equal(
        Math.sign(compareIds(`${aMs}-${aSequence}`, `${aMs}-${bSequence}`)),
        Math.sign(Number(aSequence - bSequence)),
      )
    }),
  )
})

test('an id is two plain decimal numbers', () => {
  for (const id of ['0-0', '1795298700500-12', LAST_ID]) expect(isEntryId(id)).toBe(true)
  for (const id of ['', '1', '1-', '-1', '01-0', '1-1\n', '1-1-1', '+', '$'])
    expect(isEntryId(id)).toBe(false)
})

test('the milliseconds of an id are a number, whatever its size', () => {
  expect(millisecondsOf('1795298700500-12')).toBe(1_795_298_700_500)
  expect(millisecondsOf(LAST_ID)).toBe(2 ** 64)
})
