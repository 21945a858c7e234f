import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

import type { Row } from '../../src/records/columns.ts'

/**
 * A file's rows through hyparquet as it comes, but for times, which it would cut to milliseconds, and for
 * null, which it calls undefined where a list is absent.
 */
export async function rowsByHyparquet(path: string): Promise<Row[]> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const records = await parquetReadObjects({
    file: await asyncBufferFromFile(path),
    compressors,
    parsers: { timestampFromMicroseconds: Number, stringFromBytes: bytes => decoder.decode(bytes) },
  })
  return records.map(record =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value ?? null])),
  )
}

export async function schemaByHyparquet(path: string): Promise<unknown> {
  const { schema } = await parquetMetadataAsync(await asyncBufferFromFile(path))
  return schema.slice(1)
}

/** A DuckDB as an analyst has it: nothing of ours set. */
export async function plainDuckDb(): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:')
  return instance.connect()
}

export async function select(
  connection: DuckDBConnection,
  sql: string,
  values: string[] = [],
): Promise<unknown[][]> {
  const reader = await connection.runAndReadAll(sql, values)
  return reader.getRowsJson()
}

/** DuckDB takes any path for a glob. */
export function onlyPath(path: string): string {
  return path.replaceAll(/[*?[]/g, '[$&]')
}
