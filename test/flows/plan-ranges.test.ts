import fc from 'fast-check'
import { expect, test } from 'vitest'

import { planRanges, type StreamSpan } from '../../src/flows/plan-ranges.ts'
import { compareIds, FIRST_ID, LAST_ID, nextId } from '../../src/records/stream-entry.ts'

const EVERYTHING = { from: FIRST_ID, to: LAST_ID }
const HOUR = Date.UTC(2026, 10, 21, 22)

const span = fc
  .record({ length: fc.nat(10_000_000), start: fc.nat(10_000), took: fc.nat(5_000_000) })
  .map(({ length, start, took }): StreamSpan => {
    return { length, firstId: `${HOUR + start}-5`, lastId: `${HOUR + start + took}-7` }
  })

test('the ranges of a plan follow each other without a gap or an overlap, whatever the stream', () => {
  fc.assert(
    fc.property(span, it => {
      const parts = planRanges('likes', EVERYTHING, it)
      expect(parts[0]?.range.from).toBe(EVERYTHING.from)
      expect(parts.at(-1)?.range.to).toBe(EVERYTHING.to)
      for (const [at, { range }] of parts.entries()) {
        expect(compareIds(range.from, range.to)).toBeLessThanOrEqual(0)
        const next = parts[at + 1]
        if (next !== undefined) expect(nextId(range.to)).toBe(next.range.from)
      }
      expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
      expect(parts.length).toBeLessThanOrEqual(16)
    }),
  )
})

test('a stream of a run’s usual length is one range, a long one several of about the same time', () => {
  const stream = (length: number) => ({ length, firstId: `${HOUR}-0`, lastId: `${HOUR + 4_000}-0` })
  expect(planRanges('likes', EVERYTHING, stream(66_000))).toEqual([
    { type: 'likes', range: EVERYTHING, length: 66_000, share: 1 },
  ])
  expect(planRanges('likes', EVERYTHING, stream(1_000_000)).map(({ range }) => range.from)).toEqual([
    FIRST_ID,
    `${HOUR + 1_000}-0`,
    `${HOUR + 2_000}-0`,
    `${HOUR + 3_000}-0`,
  ])
})

test('a window of a long stream is cut within the window alone', () => {
  const stream = { length: 500_000, firstId: `${HOUR}-0`, lastId: `${HOUR + 10_000}-0` }
  const window = { from: `${HOUR + 4_000}-0`, to: `${HOUR + 5_999}-9` }
  expect(planRanges('posts', window, stream).map(({ range }) => range)).toEqual([
    { from: window.from, to: `${HOUR + 4_998}-18446744073709551615` },
    { from: `${HOUR + 4_999}-0`, to: window.to },
  ])
})

test('an empty stream, and a window behind or before what is there, are one range', () => {
  expect(planRanges('posts', EVERYTHING, { length: 0, lastId: `${HOUR}-0` })).toHaveLength(1)
  const stream = { length: 900_000, firstId: `${HOUR}-0`, lastId: `${HOUR + 10_000}-0` }
  const behind = { from: `${HOUR + 20_000}-0`, to: LAST_ID }
  expect(planRanges('posts', behind, stream).map(({ range }) => range)).toEqual([behind])
  const before = { from: FIRST_ID, to: `${HOUR - 1}-0` }
  expect(planRanges('posts', before, stream).map(({ range }) => range)).toEqual([before])
})
