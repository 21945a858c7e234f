import {
  type DuckDBConnection,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  type DuckDBValue,
} from '@duckdb/node-api'
import { expect } from 'vitest'

import type { Row, Value } from '../../src/records/columns.ts'
import { type EventType, eventTypes } from '../../src/records/event-type.ts'
import { filesBelow, lengths, noEntries, type Place, verified } from './world.ts'

/** The rows of a type as an analyst's DuckDB reads them from a plain glob. */
export async function rowsOf(dataDir: string, type: EventType): Promise<Row[]> {
  if ((await filesBelow(dataDir, '.parquet')).every(path => !path.includes(`/type=${type}/`))) return []
  return await withDuckDb(async connection => {
    const glob = `${dataDir}/**/type=${type}/*.parquet`.replaceAll("'", "''")
    const partition = 'year, month, day, hour, type'
    const reader = await connection.runAndReadAll(
      `SELECT * EXCLUDE (${partition}) FROM read_parquet('${glob}', hive_partitioning = true)`,
    )
    return reader.getRowObjects().map(row => {
      return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, columnValue(value)]))
    })
  })
}

/** How many rows, and how many different ids, each type has in the files. */
export async function countsOf(dataDir: string): Promise<Record<string, { rows: number; ids: number }>> {
  const counts = Object.fromEntries(eventTypes.map(type => [type, { rows: 0, ids: 0 }]))
  if ((await filesBelow(dataDir, '.parquet')).length === 0) return counts
  return await withDuckDb(async connection => {
    const glob = `${dataDir}/**/*.parquet`.replaceAll("'", "''")
    const reader = await connection.runAndReadAll(
      `SELECT type, count(*)::INTEGER, count(DISTINCT stream_id)::INTEGER
       FROM read_parquet('${glob}', hive_partitioning = true, union_by_name = true) GROUP BY type`,
    )
    for (const [type, rows, ids] of reader.getRows())
      counts[String(type)] = { rows: Number(rows), ids: Number(ids) }
    return counts
  })
}

/** Every loaded entry is a row once, and none is on a stream any more. */
export async function expectRowsOnce(place: Place, loaded: Readonly<Record<string, number>>): Promise<void> {
  expect(await countsOf(place.dataDir)).toEqual(onceEach({ ...noEntries, ...loaded }))
  expect(await lengths(place)).toEqual(noEntries)
}

/** The same, and the audit agrees. */
export async function expectExactlyOnce(
  place: Place,
  loaded: Readonly<Record<string, number>>,
): Promise<void> {
  await expectRowsOnce(place, loaded)
  const rows = Object.values(loaded).reduce((sum, count) => sum + count, 0)
  expect(await verified(place)).toMatchObject({ ok: true, rows, duplicates: 0, missing: 0, problems: [] })
}

/** At any instant: each entry is in a row, or on a stream, or both; no row stands twice. */
export async function expectNothingLost(
  place: Place,
  loaded: Readonly<Record<string, number>>,
): Promise<void> {
  const there = await lengths(place)
  for (const [type, { rows, ids }] of Object.entries(await countsOf(place.dataDir))) {
    expect(rows, type).toBe(ids)
    expect(rows + (there[type] ?? 0), type).toBeGreaterThanOrEqual(loaded[type] ?? 0)
  }
}

function onceEach(loaded: Readonly<Record<string, number>>) {
  return Object.fromEntries(
    Object.entries(loaded).map(([type, count]) => [type, { rows: count, ids: count }]),
  )
}

async function withDuckDb<Result>(work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  try {
    const connection = await instance.connect()
    return await work(connection)
  } finally {
    instance.closeSync()
  }
}

function columnValue(value: DuckDBValue): Value {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  if (value instanceof DuckDBTimestampTZValue) return Number(value.micros)
  if (value instanceof DuckDBListValue) return value.items.map(String)
  throw new Error(`no column of ours holds ${String(value)}`)
}
