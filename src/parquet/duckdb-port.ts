import type { ParquetPort } from '../flows/parquet-port.ts'
import { type DuckDb, type DuckdbOptions, openDatabase } from './duckdb.ts'
import { readFooter, readIds, readRows } from './duckdb-reader.ts'
import { openDuckdbWriter } from './duckdb-writer.ts'

/** What the database that reads may use: a row group of each column, and the ids that are asked for. */
const READ_MEMORY = '1GB'

/** One database reads; each writer has its own, with its own limit, and what it spills stays in its folder. */
export async function duckdbPort(duckdb: DuckDb, options: DuckdbOptions): Promise<ParquetPort> {
  const reading = await openDatabase(duckdb, { threads: options.threads, memoryLimit: READ_MEMORY })
  return {
    writer: 'duckdb',
    openWriter: async writerOptions => openDuckdbWriter(duckdb, { ...options, ...writerOptions }),
    readFooter: path => readFooter(reading.connection, path),
    readIds: path => readIds(reading.connection, path),
    readRows: (path, type, ids) => readRows(duckdb, reading.connection, { path, type, ids }),
    close: async () => reading.close(),
  }
}
