import { describe, expect, test } from 'vitest'
import { entryOf, extraOf, flatEvent, ID, jetstreamEvent, rebuiltJson, rowOf, TIME_US } from './entries.ts'

const MAX = Number.MAX_SAFE_INTEGER
const DAY_US = 86_400_000_000
const idUs = 1_795_298_700_500_000

describe('event_time is', () => {
  test.each([
    ['the time of the event', TIME_US, ID, TIME_US],
    ['also when that lies a day ahead of the entry', idUs + DAY_US, ID, idUs + DAY_US],
    ["the entry's when the event lies further ahead", idUs + DAY_US + 1, ID, idUs],
    ['the first instant of 2022', 1_640_995_200_000_000, ID, 1_640_995_200_000_000],
    ["the entry's when the event is older than that", 1_640_995_199_999_999, ID, idUs],
    ["the entry's when the event's is a text", String(TIME_US), ID, idUs],
    ["the entry's when the event's has a fraction", TIME_US + 0.5, ID, idUs],
    ["the entry's when the event has none", undefined, ID, idUs],
    ['zero for an entry of 1970', TIME_US, '0-1', 0],
    ['at most the year 2255', undefined, '18446744073709551615-18446744073709551615', MAX],
    ['exact up to there', undefined, '9007199254740-0', 9_007_199_254_740_000],
    ["the event's even where the entry is absurdly late", TIME_US, '18446744073709551615-0', TIME_US],
  ])('%s', (_name, time, id, expected) => {
    const event = { ...jetstreamEvent('blocks', {}), time_us: time }
    const row = rowOf('blocks', entryOf(event, [], id))
    expect(row.event_time).toBe(expected)
    expect(rebuiltJson('blocks', row)).toEqual(JSON.parse(JSON.stringify(event)))
  })

  test.each([
    ['2026-11-21T22:05:00.123456Z', TIME_US, undefined],
    ['2026-11-21T22:05:00.123Z', TIME_US - 456, '2026-11-21T22:05:00.123Z'],
    ['2026-11-22T00:05:00.1234567+02:00', TIME_US, '2026-11-22T00:05:00.1234567+02:00'],
    ['2021-11-21T22:05:00.123456Z', idUs, '2021-11-21T22:05:00.123456Z'],
    ['yesterday', idUs, 'yesterday'],
  ])('of a flat event that of indexedAt: %s', (indexedAt, expected, kept) => {
    const row = rowOf('blocks', entryOf(flatEvent('blocks', {}, { indexedAt })))
    expect(row.event_time).toBe(expected)
    expect(extraOf(row)).toMatchObject({ $shape: 'flat' })
    expect(Object(extraOf(row)).indexedAt).toBe(kept)
  })
})
