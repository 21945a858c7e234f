import { expect, test } from 'vitest'

import { nextTime, timeAfter } from '../../src/engine/cron.ts'

const utc = (cron: string) => ({ cron, timeZone: 'UTC' })
const at = (text: string) => Date.parse(text)

test('the next time is behind the one given, also where that is one of the schedule’s', () => {
  expect(nextTime(utc('*/5 * * * *'), at('2026-11-22T04:05:00Z'))).toBe(at('2026-11-22T04:10:00Z'))
  expect(nextTime(utc('*/5 * * * *'), at('2026-11-22T04:05:01Z'))).toBe(at('2026-11-22T04:10:00Z'))
})

test('a schedule that rests at night has its times in the morning', () => {
  const schedule = utc('*/5 8-17 * * *')
  expect(timeAfter(schedule, at('2026-11-22T17:50:00Z'), 1)).toBe(at('2026-11-22T17:55:00Z'))
  expect(timeAfter(schedule, at('2026-11-22T17:50:00Z'), 3)).toBe(at('2026-11-23T08:05:00Z'))
  expect(timeAfter(schedule, at('2026-11-22T17:50:00Z'), 0)).toBe(at('2026-11-22T17:50:00Z'))
})

test('times are those of the time zone, on the days that clocks change too', () => {
  const schedule = { cron: '0 9 * * *', timeZone: 'Europe/London' }
  expect(nextTime(schedule, at('2026-03-28T12:00:00Z'))).toBe(at('2026-03-29T08:00:00Z'))
  expect(nextTime(schedule, at('2026-10-24T12:00:00Z'))).toBe(at('2026-10-25T09:00:00Z'))
})
