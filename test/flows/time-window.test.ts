import { DateTime } from 'luxon'
import { describe, expect, test } from 'vitest'

import { idsOfWindow, parseTime } from '../../src/flows/time-window.ts'
import { isEntryId, LAST_ID } from '../../src/records/stream-entry.ts'

const now = DateTime.fromISO('2026-11-21T22:05:30.250+02:00', { setZone: true })
const at = (text: string) => parseTime(text, now)?.toUTC().toISO()

describe('a time', () => {
  test.each([
    ['now', '2026-11-21T20:05:30.250Z'],
    ['-90s', '2026-11-21T20:04:00.250Z'],
    ['-15m', '2026-11-21T19:50:30.250Z'],
    ['-2h', '2026-11-21T18:05:30.250Z'],
    ['-7d', '2026-11-14T20:05:30.250Z'],
    ['-0s', '2026-11-21T20:05:30.250Z'],
    ['2026-11-21', '2026-11-21T00:00:00.000Z'],
    ['2026-11-21T22:00', '2026-11-21T22:00:00.000Z'],
    ['2026-11-21T22:00Z', '2026-11-21T22:00:00.000Z'],
    ['2026-11-21T22:00-05:00', '2026-11-22T03:00:00.000Z'],
    ['2026-11-21T22:00:01.5', '2026-11-21T22:00:01.500Z'],
    ['2026-W47-6', '2026-11-21T00:00:00.000Z'],
    ['1970-01-01', '1970-01-01T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(at(text)).toBe(expected)
  })

  test.each([
    '',
    'yesterday',
    '-2',
    '2h',
    '+2h',
    '-2w',
    '-1.5h',
    '- 2h',
    '2026-13-01',
    '2026-11-21 22:00:00 CET',
    '1969-12-31',
    '-99999d',
  ])('is not %j', text => {
    expect(at(text)).toBeUndefined()
  })
})

describe('the ids of a window', () => {
  const time = (text: string) => DateTime.fromISO(text, { zone: 'utc' })

  test('begin with its first millisecond, and end with the last id before its end', () => {
    expect(idsOfWindow({ from: time('2026-11-21T22:00'), to: time('2026-11-21T23:00') })).toEqual({
      from: '1795298400000-0',
      to: '1795301999999-18446744073709551615',
    })
  })

  test('are everything where an end is open', () => {
    expect(idsOfWindow({})).toEqual({ from: '0-0', to: LAST_ID })
    expect(idsOfWindow({ from: time('2026-11-21') })).toEqual({ from: '1795219200000-0', to: LAST_ID })
    expect(idsOfWindow({ from: undefined, to: time('2026-11-21') }).from).toBe('0-0')
  })

  test('are ids that Redis takes, also for a window that ends when time begins', () => {
    const { from, to } = idsOfWindow({ to: time('1970-01-01') })
    expect([from, to].map(isEntryId)).toEqual([true, true])
  })
})
