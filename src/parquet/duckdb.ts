import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'

import type { ColumnType } from '../records/columns.ts'

/** How DuckDB is used for one port. */
export type DuckdbOptions = {
  readonly threads: number
  readonly rowGroupRows: number
}

/** The module, as a value: it is imported when it is needed, because its binary does not load everywhere. */
export type DuckDb = typeof import('@duckdb/node-api')

export function loadDuckDb(): Promise<DuckDb> {
  return import('@duckdb/node-api')
}

export type Database = {
  readonly instance: DuckDBInstance
  readonly connection: DuckDBConnection
  /** May be called twice. */
  readonly close: () => void
}

export type DatabaseOptions = {
  readonly threads?: number
  /** What is over the limit goes to `spillFolder`; without one, a statement that needs more fails. */
  readonly memoryLimit?: string
  readonly spillFolder?: string
}

/** Opens an in-memory database that speaks UTC, fetches nothing from the network and litters no folder. */
export async function openDatabase(duckdb: DuckDb, options: DatabaseOptions): Promise<Database> {
  const { threads, memoryLimit, spillFolder } = options
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    ...(threads === undefined ? {} : { threads: String(threads) }),
    ...(memoryLimit === undefined ? {} : { memory_limit: memoryLimit }),
    // DuckDB's own default is a folder `.tmp` wherever the process was started.
    temp_directory: spillFolder ?? '',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // It would keep blocks of files that we may replace or want to see as the disk has them.
    enable_external_file_cache: 'false',
  })
  try {
    const connection = await instance.connect()
    await connection.run("SET TimeZone = 'UTC'")
    return { instance, connection, close: closerOf(instance, connection) }
  } catch (error) {
    instance.closeSync()
    throw error
  }
}

/** The SQL type of a column. TIMESTAMPTZ is what DuckDB writes as TIMESTAMP(MICROS, isAdjustedToUTC). */
export const sqlTypeOf: Readonly<Record<ColumnType, string>> = {
  string: 'VARCHAR',
  timestamp: 'TIMESTAMPTZ',
  int32: 'INTEGER',
  boolean: 'BOOLEAN',
  list: 'VARCHAR[]',
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A path as a pattern that matches only itself: DuckDB takes `*`, `?` and `[` in any path for a glob. */
export function literalGlob(path: string): string {
  return path.replaceAll(/[*?[]/g, '[$&]')
}

function closerOf(instance: DuckDBInstance, connection: DuckDBConnection): () => void {
  let open = true
  return () => {
    if (!open) return
    open = false
    connection.closeSync()
    instance.closeSync()
  }
}
