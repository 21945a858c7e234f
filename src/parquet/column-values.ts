import type { Column, Row, Value } from '../records/columns.ts'

/**
 * One column of many rows. A value of another type, or a null in a column that allows none, throws: each
 * encoder would make something else of it, and quietly.
 */
export function stringsOf(rows: readonly Row[], column: Column): (string | null)[] {
  return valuesOf(rows, column, value => typeof value === 'string')
}

/** Timestamps in microseconds, or 32-bit integers. */
export function integersOf(rows: readonly Row[], column: Column): (number | null)[] {
  return valuesOf(rows, column, column.type === 'int32' ? isInt32 : isInt64)
}

export function booleansOf(rows: readonly Row[], column: Column): (boolean | null)[] {
  return valuesOf(rows, column, value => typeof value === 'boolean')
}

export function listsOf(rows: readonly Row[], column: Column): (readonly string[] | null)[] {
  return valuesOf(rows, column, isListOfStrings)
}

function valuesOf<T extends Value>(
  rows: readonly Row[],
  column: Column,
  fits: (value: Value | undefined) => value is T,
): (T | null)[] {
  const { name, nullable } = column
  const values = new Array<T | null>(rows.length)
  for (let i = 0; i < rows.length; i += 1) {
    const value = rows[i]?.[name]
    if (fits(value)) values[i] = value
    else if (value === null && nullable) values[i] = null
    else throw misfit(column, value, rows[i])
  }
  return values
}

function isInt32(value: Value | undefined): value is number {
  return typeof value === 'number' && (value | 0) === value
}

/** A double that is a whole number below 2^63: what is beyond does not fit the column. */
function isInt64(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 63
}

function isListOfStrings(value: Value | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}

function misfit({ name, type, nullable }: Column, value: unknown, row: Row | undefined): TypeError {
  const wanted = nullable ? `${type} or null` : type
  const given = JSON.stringify(value)?.slice(0, 80)
  return new TypeError(`Column ${name} takes ${wanted}, not ${given} (stream_id ${row?.stream_id})`)
}
