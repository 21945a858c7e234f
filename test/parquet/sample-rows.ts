import fc from 'fast-check'

import { type Column, columnsOf, type Row, type Value } from '../../src/records/columns.ts'
import type { EventType } from '../../src/records/event-type.ts'

/** 2026-11-21T22:00:00Z, in microseconds. */
export const HOUR_22 = Date.UTC(2026, 10, 21, 22) * 1000
export const HOUR = 3_600_000_000

/** A row whose every nullable column is null, but for what is given. */
export function row(type: EventType, sequence: number, values: Row = {}): Row {
  const nothing = Object.fromEntries(columnsOf[type].map(({ name }) => [name, null]))
  const required = { event_time: HOUR_22, did: 'did:plc:a', rkey: '3l', uri: 'at://a', operation: 'create' }
  return { ...nothing, ...required, stream_id: `1763762400000-${sequence}`, ...values }
}

export function rows(type: EventType, count: number, valuesOf: (index: number) => Row = () => ({})): Row[] {
  return Array.from({ length: count }, (_, index) => row(type, index, valuesOf(index)))
}

/** A row with the given value in each string column but `stream_id`. */
export function rowOfStrings(type: EventType, sequence: number, text: string): Row {
  return row(type, sequence, Object.fromEntries(stringColumns(type).map(name => [name, text])))
}

export function stringColumns(type: EventType): string[] {
  const columns = columnsOf[type].filter(({ name, type }) => type === 'string' && name !== 'stream_id')
  return columns.map(({ name }) => name)
}

/** Text that encoders and decoders are known to get wrong. */
export const awkwardTexts = [
  '',
  'a',
  '\0',
  'nul\0inside',
  '\ufeffwith a byte order mark',
  '😀',
  '\u{10000}',
  '\ufffd',
  '\uffff',
  '👩‍👩‍👧 žluťoučký कुत्ता',
  'quote \' and " and \\ and %',
  'line\nline\r\n\u2028',
]

/** Microseconds, to the edge of what a number holds exactly; after it whole milliseconds. */
export const awkwardTimes = [
  0,
  1,
  999_999,
  Date.UTC(2022, 0, 1) * 1000,
  HOUR_22 + 1,
  Number.MAX_SAFE_INTEGER - 1,
  Number.MAX_SAFE_INTEGER,
  Date.UTC(2260, 11, 31, 23, 59, 59, 999) * 1000,
]

/** Rows in ascending stream_id over three hours, of any values that their columns allow. */
export function anyRows(type: EventType): fc.Arbitrary<Row[]> {
  const values = fc.record(Object.fromEntries(columnsOf[type].map(column => [column.name, anyValue(column)])))
  const numbered = (list: Row[]) =>
    list.map((row, index): Row => ({ ...row, stream_id: `1763762400000-${index}` }))
  return fc.array(values, { minLength: 1, maxLength: 60 }).map(numbered)
}

function anyValue({ name, type, nullable }: Column): fc.Arbitrary<Value> {
  if (name === 'event_time') return fc.integer({ min: HOUR_22, max: HOUR_22 + 3 * HOUR - 1 })
  return nullable ? fc.option<Value, null>(anyOfType[type], { nil: null }) : anyOfType[type]
}

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...awkwardTexts))

const anyOfType: Readonly<Record<Column['type'], fc.Arbitrary<Value>>> = {
  string: anyText,
  timestamp: fc.oneof(fc.maxSafeNat(), fc.constantFrom(...awkwardTimes)),
  int32: fc.integer(),
  boolean: fc.boolean(),
  list: fc.array(anyText, { maxLength: 5 }),
}
