import { expect, test } from 'vitest'

import { mergedIds, stretched } from '../../src/dataset/ascending-ids.ts'

test('ids that ascend over all calls make one stretch', () => {
  const first = stretched(undefined, ['1-0', '1-1'])
  expect(stretched(first, ['9-0', '10-0'])).toEqual({ first: '1-0', last: '10-0', count: 4 })
  expect(stretched(first, [])).toEqual(first)
  expect(stretched(undefined, [])).toBeUndefined()
})

test.each([[['1-0', '1-0']], [['10-0', '9-0']], [['5-0', '6-0', '5-1']]])(
  'an id twice or out of order is refused: %j',
  ids => {
    expect(() => stretched(undefined, ids)).toThrow('must strictly increase')
    expect(() => stretched({ first: '7-0', last: '7-0', count: 1 }, ids)).toThrow('must strictly increase')
  },
)

test('rows and rejected entries merge into one order', () => {
  expect(mergedIds(['2-0', '10-0'], ['1-0', '3-0', '11-0'])).toEqual(['1-0', '2-0', '3-0', '10-0', '11-0'])
  expect(mergedIds([], ['1-0'])).toEqual(['1-0'])
})

test.each([
  [['1-0', '3-0', '2-0'], ['4-0']],
  [
    ['1-0', '10-0'],
    ['5-0', '3-0'],
  ],
  [['1-0'], ['1-0']],
])('a list that is out of order, or shares an id, stays so when merged: %j and %j', (rows, rejected) => {
  expect(() => stretched(undefined, mergedIds(rows, rejected))).toThrow('must strictly increase')
})
