import fc from 'fast-check'
import { expect, test } from 'vitest'

import { addCounts, type DrainCounts, DrainReport, noCounts } from '../../src/flows/drain-report.ts'

const step = fc.oneof(
  fc.record({ kind: fc.constant('committed'), rows: fc.nat(9), bad: fc.nat(3), count: fc.nat() } as const),
  fc.record({ kind: fc.constant('duplicates'), count: fc.nat(9), deleted: fc.nat(9) } as const),
  fc.record({ kind: fc.constant('deleted'), count: fc.nat(9) } as const),
)

test('at any time, what was read is what was written, rejected, or there already', () => {
  fc.assert(
    fc.property(fc.array(step), steps => {
      const told: DrainCounts[] = []
      const report = new DrainReport(counts => told.push(counts))
      for (const it of steps) {
        if (it.kind === 'duplicates') report.duplicates(it.count, it.deleted)
        else if (it.kind === 'deleted') report.deleted(it.count)
        else {
          const rejected = new Map([['bad-json' as const, it.bad]])
          report.committed({ rows: it.rows, rejected }, { files: 1, bytes: it.count })
        }
      }
      for (const { read, written, rejected, duplicates } of told) {
        expect(read).toBe(written + rejected + duplicates)
      }
      expect(told).toHaveLength(steps.length)
      expect(report.counts).toEqual(told.at(-1) ?? noCounts)
      expect(report.counts.rejectedBy['bad-json'] ?? 0).toBe(report.counts.rejected)
    }),
  )
})

test('a drain and its retry add up, but for what is left: the last one knows that', () => {
  const first = { ...noCounts, read: 5, written: 3, rejected: 2, deleted: 4, length: 100, remaining: 95 }
  const second = {
    ...noCounts,
    read: 60,
    written: 60,
    deleted: 61,
    length: 96,
    remaining: 36,
    files: 2,
    bytes: 9,
  }
  const sum = addCounts({ ...first, rejectedBy: { 'no-did': 2 } }, { ...second, rejectedBy: { 'no-did': 1 } })
  expect(sum).toEqual({
    ...noCounts,
    read: 65,
    written: 63,
    rejected: 2,
    deleted: 65,
    files: 2,
    bytes: 9,
    rejectedBy: { 'no-did': 3 },
    length: 100,
    remaining: 36,
  })
})

test('what remains is never negative, though others drain the stream too', () => {
  const report = new DrainReport()
  report.found(3)
  report.duplicates(5, 5)
  expect(report.counts).toMatchObject({ length: 3, read: 5, remaining: 0 })
})

test('what remains goes down with what is settled, and a drain at its end leaves nothing of its own', () => {
  const report = new DrainReport()
  report.found(10)
  report.duplicates(4, 4)
  expect(report.counts).toMatchObject({ length: 10, remaining: 6 })
  report.finished()
  expect(report.counts).toMatchObject({ length: 10, remaining: 0 })
})
