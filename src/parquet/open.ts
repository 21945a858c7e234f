import type { ParquetPort } from '../flows/parquet-port.ts'
import { type DuckDb, loadDuckDb } from './duckdb.ts'
import { duckdbPort } from './duckdb-port.ts'

/** About 100,000 rows: large enough to compress and to prune well, small enough to be encoded in memory. */
const ROW_GROUP_ROWS = 100_000

export type ParquetOptions = {
  readonly writer: 'duckdb' | 'parquetjs'
  /** Told once, in a sentence, when parquetjs-lite has to stand in for DuckDB. */
  readonly warn: (message: string) => void
  /** Threads of DuckDB. One, unless said otherwise: each drain has a thread of its own already. */
  readonly threads?: number
  readonly rowGroupRows?: number
}

/** Opens the writer that was asked for; where DuckDB's binary cannot be loaded, parquetjs-lite instead. */
export async function openParquet(
  { writer, warn, threads = 1, rowGroupRows = ROW_GROUP_ROWS }: ParquetOptions,
  load: () => Promise<DuckDb> = loadDuckDb,
): Promise<ParquetPort> {
  if (writer === 'parquetjs') return await openParquetjs(rowGroupRows)

  let duckdb: DuckDb
  try {
    duckdb = await load()
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    warn(`DuckDB cannot be loaded here, so parquetjs-lite writes the Parquet files: ${firstLine(cause)}`)
    return await openParquetjs(rowGroupRows)
  }
  return duckdbPort(duckdb, { threads, rowGroupRows })
}

/** Imported only where it is used: it costs 80 ms of every start (measured), as DuckDB does more. */
async function openParquetjs(rowGroupRows: number): Promise<ParquetPort> {
  const { parquetjsPort } = await import('./parquetjs-port.ts')
  return parquetjsPort(rowGroupRows)
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
