import fc from 'fast-check'
import { assert, describe, expect, test } from 'vitest'
import { isObject } from '../../src/records/json.ts'
import { applyPatch, holdsNullMember, patchBetween } from '../../src/records/merge-patch.ts'
import { jsonObject } from './json-values.ts'

describe('RFC 7396, appendix A, but for nulls in the target, which count as absent here', () => {
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j', (target, patch, result) => {
    expect(applyPatch(target, patch)).toEqual(result)
  })
})

test('the patch between two objects leads from one to the other', () => {
  const nullFree = jsonObject.filter(value => !holdsNullMember(value))
  fc.assert(
    fc.property(nullFree, nullFree, (from, to) => {
      assert.deepEqual(applyPatch(from, patchBetween(from, to)), to)
    }),
  )
})

test('equal objects have an empty patch, whatever the order of their keys', () => {
  expect(patchBetween({ a: 1, b: { c: [1], d: 2 }, e: null }, { b: { d: 2, c: [1] }, a: 1 })).toEqual({})
})

test('a patch sets __proto__ as a member and no prototype', () => {
  const event: unknown = JSON.parse('{"__proto__":{"a":1},"b":2}')
  assert(isObject(event))
  const patched = applyPatch({}, patchBetween({}, event))
  expect(JSON.stringify(patched)).toBe('{"__proto__":{"a":1},"b":2}')
  expect(Object.getPrototypeOf(patched)).toBe(Object.prototype)
})
