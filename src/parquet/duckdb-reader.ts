import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'

import type { Footer } from '../flows/parquet-port.ts'
import { type Column, columnsOf, type Row, type Value } from '../records/columns.ts'
import type { EventType } from '../records/event-type.ts'
import type { EntryId } from '../records/stream-entry.ts'
import { type DuckDb, identifier, literalGlob } from './duckdb.ts'
import { unreadable } from './file-error.ts'
import { textOf } from './text.ts'

export async function readFooter(connection: DuckDBConnection, path: string): Promise<Footer> {
  const glob = [literalGlob(path)]
  const counts = await rowsOf(connection, path, 'SELECT num_rows FROM parquet_file_metadata(?)', glob)
  const pairs = await rowsOf(
    connection,
    path,
    'SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)',
    glob,
  )
  return {
    rows: Number(counts[0]?.[0]),
    metadata: Object.fromEntries(pairs.map(([key, value]) => [String(key), String(value)])),
  }
}

export async function readIds(connection: DuckDBConnection, path: string): Promise<readonly EntryId[]> {
  const rows = await rowsOf(connection, path, 'SELECT stream_id FROM read_parquet(?)', [literalGlob(path)])
  return rows.map(([id]) => String(id))
}

export type RowsWanted = {
  readonly path: string
  readonly type: EventType
  readonly ids: readonly EntryId[] | undefined
}

export async function readRows(
  duckdb: DuckDb,
  connection: DuckDBConnection,
  { path, type, ids }: RowsWanted,
): Promise<readonly Row[]> {
  // The client cannot tell the type of a list without items.
  if (ids?.length === 0) return []
  const columns = columnsOf[type]
  const list = columns.map(readableOf).join(', ')
  const values = [literalGlob(path), ...(ids ? [duckdb.listValue(ids)] : [])]
  const rows = await rowsOf(connection, path, `SELECT ${list} ${ids ? FROM_CHOSEN : FROM_ALL}`, values)
  return rows.map(values => rowFrom(duckdb, columns, values))
}

const FROM_ALL = 'FROM read_parquet(?)'

/** A join may give rows in any order, so the file's order is asked for. */
const FROM_CHOSEN = `FROM read_parquet(?, file_row_number = true)
  WHERE stream_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY file_row_number`

/** Strings as bytes, because the client's own decoder drops a leading byte order mark; times as integers. */
function readableOf({ name, type }: Column): string {
  const column = identifier(name)
  if (type === 'string') return `encode(${column})`
  if (type === 'timestamp') return `epoch_us(${column})`
  if (type === 'list') return `list_transform(${column}, lambda item: encode(item))`
  return column
}

function rowFrom(duckdb: DuckDb, columns: readonly Column[], values: readonly DuckDBValue[]): Row {
  const row: Record<string, Value> = {}
  for (const [index, { name }] of columns.entries()) row[name] = valueFrom(duckdb, values[index] ?? null)
  return row
}

function valueFrom(duckdb: DuckDb, value: DuckDBValue): Value {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof duckdb.DuckDBBlobValue) return textOf(value.bytes)
  if (value instanceof duckdb.DuckDBListValue) return value.items.map(item => String(valueFrom(duckdb, item)))
  throw new TypeError(`A column of ours cannot hold ${String(value)}`)
}

async function rowsOf(
  connection: DuckDBConnection,
  path: string,
  sql: string,
  values: DuckDBValue[],
): Promise<DuckDBValue[][]> {
  try {
    const reader = await connection.runAndReadAll(sql, values)
    return reader.getRows()
  } catch (error) {
    throw unreadable(path, error)
  }
}
