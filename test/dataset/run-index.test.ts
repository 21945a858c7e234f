import fc from 'fast-check'
import { expect, test } from 'vitest'

import { RUNS_MAX, type Run, RunIndex } from '../../src/dataset/run-index.ts'

/** Short ranges in a space so small that they meet often, with ids that compare wrongly as text. */
type Id = { readonly ms: number; readonly seq: number }
const text = ({ ms, seq }: Id) => `${ms}-${seq}`
const compare = (a: Id, b: Id) => a.ms - b.ms || a.seq - b.seq

const anyRange = fc.tuple(fc.nat(60), fc.nat(12), fc.nat(3), fc.nat(12)).map(([ms, seq, more, end]) => {
  const ids = [
    { ms, seq },
    { ms: ms + more, seq: end },
  ]
  const [first, last] = ids.toSorted(compare) as [Id, Id]
  return { first, last }
})
type Range = { readonly first: Id; readonly last: Id }

function meet(a: Range, b: Range): boolean {
  return compare(a.first, b.last) <= 0 && compare(b.first, a.last) <= 0
}

function indexOf(ranges: readonly Range[], runsMax?: number): RunIndex {
  const index = new RunIndex([], runsMax)
  for (const { first, last } of ranges) index.add([text(first), text(last), 1])
  return index
}

test('while no runs are merged over gaps, it answers as a list of all ranges does', () => {
  fc.assert(
    fc.property(
      fc.array(anyRange, { maxLength: 30 }),
      fc.array(anyRange, { minLength: 5 }),
      (ranges, asked) => {
        const index = indexOf(ranges)
        for (const range of asked) {
          const expected = ranges.some(one => meet(one, range))
          expect(index.overlaps(text(range.first), text(range.last))).toBe(expected)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('it never says no of an id that was committed, however many runs it had to merge', () => {
  let merged = 0
  fc.assert(
    fc.property(fc.array(anyRange, { maxLength: 30 }), fc.integer({ min: 1, max: 6 }), (ranges, runsMax) => {
      const index = indexOf(ranges, runsMax)
      expect(index.runs.length).toBeLessThanOrEqual(runsMax)
      if (indexOf(ranges).runs.length > runsMax) merged += 1
      for (const { first, last } of ranges) {
        for (const id of [first, last]) expect(index.overlaps(text(id), text(id))).toBe(true)
        expect(index.overlaps(text(first), text(last))).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
  expect(merged).toBeGreaterThan(30)
})

test('its runs stay disjoint, ascend, and count every entry', () => {
  fc.assert(
    fc.property(
      fc.array(anyRange, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 40 }),
      (ranges, runsMax) => {
        const { runs } = indexOf(ranges, runsMax)
        const ids = runs.flatMap(([first, last]) => [
          first.split('-').map(Number),
          last.split('-').map(Number),
        ])
        for (let at = 2; at < ids.length; at += 2) {
          const [before = [], after = []] = [ids[at - 1], ids[at]]
          expect((before[0] ?? 0) - (after[0] ?? 0) || (before[1] ?? 0) - (after[1] ?? 0)).toBeLessThan(0)
        }
        expect(runs.reduce((sum, [, , count]) => sum + count, 0)).toBe(ranges.length)
      },
    ),
  )
})

test('it goes on from the runs of a checkpoint', () => {
  const first = new RunIndex()
  first.add(['5-0', '9-3', 7])
  first.add(['20-0', '20-0', 1])
  const second = new RunIndex(first.runs)
  second.add(['10-0', '12-0', 3])
  expect(second.runs).toEqual([
    ['5-0', '9-3', 7],
    ['10-0', '12-0', 3],
    ['20-0', '20-0', 1],
  ])
  expect(first.runs).toHaveLength(2)
  expect(second.overlaps('13-0', '19-9')).toBe(false)
})

test('it holds five weeks of five-minute commits exactly, and beyond them merges the oldest', () => {
  const run = (n: number): Run => [`${n * 10}-0`, `${n * 10 + 5}-0`, 1]
  const index = new RunIndex()
  for (let n = 0; n < RUNS_MAX; n += 1) index.add(run(n))
  expect(index.overlaps('6-0', '9-0')).toBe(false)
  index.add(run(RUNS_MAX))
  expect(index.runs).toHaveLength(RUNS_MAX)
  expect(index.overlaps('6-0', '9-0')).toBe(true)
  expect(index.overlaps('16-0', '19-0')).toBe(false)
})

test('ids are compared as numbers, to the last digit', () => {
  const index = new RunIndex([['5-18446744073709551614', '5-18446744073709551614', 1]])
  expect(index.overlaps('5-18446744073709551615', '6-0')).toBe(false)
  expect(index.overlaps('5-2', '5-18446744073709551613')).toBe(false)
  expect(index.overlaps('5-2', '5-18446744073709551614')).toBe(true)
})
