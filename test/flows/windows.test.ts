import fc from 'fast-check'
import { DateTime } from 'luxon'
import { describe, expect, test } from 'vitest'

import { idsOfWindow } from '../../src/flows/time-window.ts'
import {
  countOfWindows,
  cutWindows,
  lengthThatFits,
  parseLength,
  WINDOWS_MAX,
  type Window,
} from '../../src/flows/windows.ts'
import { nextId } from '../../src/records/stream-entry.ts'

const time = (milliseconds: number) => DateTime.fromMillis(milliseconds, { zone: 'utc' })

const range = fc
  .record({ from: fc.nat(4_000_000_000_000), took: fc.integer({ min: 1, max: 2_000_000_000 }) })
  .map(({ from, took }): Window => ({ from: time(from), to: time(from + took) }))

test('windows cover their range exactly, without a gap or an overlap, as times and as ids', () => {
  fc.assert(
    fc.property(range, fc.integer({ min: 1, max: 60 }), fc.nat(5_000), (whole, parts, more) => {
      const rangeMs = whole.to.toMillis() - whole.from.toMillis()
      const lengthMs = Math.ceil(rangeMs / parts) + more
      const windows = cutWindows(whole, lengthMs)
      expect(windows.length).toBe(countOfWindows(whole, lengthMs))
      expect(windows[0]?.from.toMillis()).toBe(whole.from.toMillis())
      expect(windows.at(-1)?.to.toMillis()).toBe(whole.to.toMillis())
      for (const [at, window] of windows.entries()) {
        const ownMs = window.to.toMillis() - window.from.toMillis()
        const next = windows[at + 1]
        expect(ownMs).toBeGreaterThan(0)
        if (next === undefined) expect(ownMs).toBeLessThanOrEqual(lengthMs)
        else {
          expect(ownMs).toBe(lengthMs)
          // The id behind the last one of a window is a millisecond's own, or the first of the next window.
          expect([idsOfWindow(next).from, window.to.toMillis()]).toEqual([
            nextId(idsOfWindow(window).to),
            next.from.toMillis(),
          ])
        }
      }
    }),
  )
})

test('windows begin with their range, and the last one is as short as what is left', () => {
  const whole = { from: time(60_500), to: time(181_000) }
  const ends = cutWindows(whole, 60_000).map(({ from, to }) => [from.toMillis(), to.toMillis()])
  expect(ends).toEqual([
    [60_500, 120_500],
    [120_500, 180_500],
    [180_500, 181_000],
  ])
})

test('a range without length has no windows', () => {
  expect(cutWindows({ from: time(5), to: time(5) }, 1_000)).toEqual([])
  expect(countOfWindows({ from: time(5), to: time(4) }, 1_000)).toBe(0)
})

describe('a length', () => {
  test.each([
    ['1s', 1_000],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['999999d', 86_399_913_600_000],
  ])('%s is %d ms', (text, expected) => {
    expect(parseLength(text)).toBe(expected)
  })

  test.each(['', '5', 'm', '0s', '05m', '-5m', '1.5h', '500ms', '1w', '5 m', '5M', '1000000s', '1toString'])(
    'is not %j',
    text => {
      expect(parseLength(text)).toBeUndefined()
    },
  )
})

test('the length that is proposed makes few enough windows, and the next shorter one would not', () => {
  const day = { from: time(0), to: time(86_400_000) }
  expect(lengthThatFits(day)).toBe('1m')
  const shorter = parseLength('30s') ?? 0
  expect(countOfWindows(day, shorter)).toBeGreaterThan(WINDOWS_MAX)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Date.UTC(2130, 0) }), took => {
      const whole = { from: time(0), to: time(took) }
      const count = countOfWindows(whole, parseLength(lengthThatFits(whole)) ?? 0)
      expect(count).toBeLessThanOrEqual(WINDOWS_MAX)
    }),
  )
})
