import type { DuckDBValue } from '@duckdb/node-api'

import type { DuckDb } from './duckdb.ts'

/** A value as JSON can say it; what JSON has no word for becomes DuckDB's own text of it. */
export function jsonOf(duckdb: DuckDb, value: DuckDBValue): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof duckdb.DuckDBTimestampTZValue) return isoOf(value.micros, 'Z') ?? String(value)
  if (value instanceof duckdb.DuckDBTimestampValue) return isoOf(value.micros, '') ?? String(value)
  if (value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue) {
    return value.items.map(item => jsonOf(duckdb, item))
  }
  if (value instanceof duckdb.DuckDBStructValue) {
    const entries = Object.entries(value.entries)
    return Object.fromEntries(entries.map(([name, item]) => [name, jsonOf(duckdb, item)]))
  }
  if (value instanceof duckdb.DuckDBMapValue) {
    return value.entries.map(({ key, value: item }) => ({
      key: jsonOf(duckdb, key),
      value: jsonOf(duckdb, item),
    }))
  }
  if (value instanceof duckdb.DuckDBUnionValue) return jsonOf(duckdb, value.value)
  return String(value)
}

const MICROSECONDS_PER_SECOND = 1_000_000n

/** To the microsecond, without trailing zeros; undefined for what no ISO date reaches, infinity too. */
function isoOf(micros: bigint, zone: string): string | undefined {
  const fraction = ((micros % MICROSECONDS_PER_SECOND) + MICROSECONDS_PER_SECOND) % MICROSECONDS_PER_SECOND
  const date = new Date(Number((micros - fraction) / 1000n))
  if (Number.isNaN(date.getTime())) return undefined
  const digits = String(fraction).padStart(6, '0').replace(/0+$/, '').padEnd(3, '0')
  return `${date.toISOString().slice(0, -5)}.${digits}${zone}`
}
