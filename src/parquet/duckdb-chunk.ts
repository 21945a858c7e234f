import type { DuckDBDataChunk, DuckDBType, DuckDBValue } from '@duckdb/node-api'

import type { Column, Row } from '../records/columns.ts'
import { booleansOf, integersOf, listsOf, stringsOf } from './column-values.ts'
import type { DuckDb } from './duckdb.ts'
import type { Partitions } from './partitions.ts'
import { charactersOf } from './row-size.ts'

/** The most that a chunk of DuckDB takes. */
export const CHUNK_ROWS = 2048

/** Beyond this many characters of text a chunk is cut, because its strings are copied before they can spill. */
const CHUNK_CHARACTERS = 16_000_000

/** A chunk for the columns and, last, the number of the partition. */
export function chunkOf(duckdb: DuckDb, columns: readonly Column[]): DuckDBDataChunk {
  const types = {
    string: duckdb.VARCHAR,
    timestamp: duckdb.TIMESTAMPTZ,
    int32: duckdb.INTEGER,
    boolean: duckdb.BOOLEAN,
    list: duckdb.LIST(duckdb.VARCHAR),
  } satisfies Record<Column['type'], DuckDBType>
  return duckdb.DuckDBDataChunk.create([...columns.map(column => types[column.type]), duckdb.INTEGER])
}

export type Filling = {
  readonly chunk: DuckDBDataChunk
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  readonly partitions: Partitions
}

/** Puts the rows into the chunk in place of those that it held. */
export function fillChunk(duckdb: DuckDb, { chunk, columns, rows, partitions }: Filling): void {
  chunk.reset()
  chunk.rowCount = rows.length
  for (const [index, column] of columns.entries()) {
    chunk.setColumnValues(index, valuesOf(duckdb, rows, column))
  }
  const numbers = rows.map(row => partitions.add(row).index)
  chunk.setColumnValues(columns.length, numbers)
}

export type Slice = { readonly rows: readonly Row[]; readonly characters: number }

/** The rows in slices that a chunk can take. */
export function* slicesOf(rows: readonly Row[]): Generator<Slice> {
  let start = 0
  let characters = 0
  for (const [index, row] of rows.entries()) {
    characters += charactersOf(row)
    if (index + 1 - start < CHUNK_ROWS && characters < CHUNK_CHARACTERS) continue
    yield { rows: rows.slice(start, index + 1), characters }
    start = index + 1
    characters = 0
  }
  if (start < rows.length) yield { rows: rows.slice(start), characters }
}

function valuesOf(duckdb: DuckDb, rows: readonly Row[], column: Column): readonly DuckDBValue[] {
  switch (column.type) {
    case 'string':
      return stringsOf(rows, column)
    case 'timestamp':
      return integersOf(rows, column).map(micros =>
        micros === null ? null : new duckdb.DuckDBTimestampTZValue(BigInt(micros)),
      )
    case 'int32':
      return integersOf(rows, column)
    case 'boolean':
      return booleansOf(rows, column)
    case 'list':
      return listsOf(rows, column).map(list => (list === null ? null : duckdb.listValue(list)))
  }
}
