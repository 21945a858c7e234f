import { totalmem } from 'node:os'

import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api'

import type { WriterOptions } from '../flows/parquet-port.ts'
import { columnsOf, type Row } from '../records/columns.ts'
import { type DuckDb, type DuckdbOptions, identifier, openDatabase, sqlTypeOf } from './duckdb.ts'
import { CHUNK_ROWS, chunkOf, fillChunk, slicesOf } from './duckdb-chunk.ts'
import type { Partitions } from './partitions.ts'

/** Holds some 500,000 likes. What is more spills into the writer's folder, at four fifths of the speed. */
const MEMORY_LIMIT = '512MB'

/** The appender keeps 204,800 rows to itself, out of reach of the limit, unless it is made to hand them over. */
const CHARACTERS_IN_APPENDER = 64_000_000

/** A row group is put together in memory: one of 700 MB of text failed at the limit above. */
const ROW_GROUP_CHARACTERS = 128_000_000

/** The table `rows` of a database of its own: the columns of its type, and the number of the partition. */
export type RowTable = {
  readonly connection: DuckDBConnection
  readonly append: (rows: readonly Row[], partitions: Partitions) => void
  /** Row groups of this many rows are encoded within the limit of memory. */
  readonly rowGroupRowsMax: () => number
  /** Makes all that was appended visible, where asked by partition and within it as appended. */
  readonly complete: (options: { readonly sorted: boolean }) => Promise<void>
  readonly close: () => void
}

export async function openRowTable(
  duckdb: DuckDb,
  { type, folder, threads }: DuckdbOptions & WriterOptions,
): Promise<RowTable> {
  const spillFolder = `${folder}/spill`
  const database = await openDatabase(duckdb, { threads, memoryLimit: MEMORY_LIMIT, spillFolder })
  const { connection, close } = database
  try {
    const columns = columnsOf[type].map(column => `${identifier(column.name)} ${sqlTypeOf[column.type]}`)
    await connection.run(`CREATE TABLE rows (${columns.join(', ')}, partition INTEGER)`)
    const filling = fillerOf(duckdb, type, await connection.createAppender('rows'))
    return {
      connection,
      append: filling.append,
      rowGroupRowsMax: filling.rowGroupRowsMax,
      async complete({ sorted }) {
        filling.finish()
        if (filling.hasHeavyRows()) await connection.run(`SET memory_limit = '${mostOfMemory()}'`)
        if (sorted) await sortByPartition(connection)
      },
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

function fillerOf(duckdb: DuckDb, type: WriterOptions['type'], appender: DuckDBAppender) {
  const columns = columnsOf[type]
  // One chunk for all: a new one for each batch would be freed only when the garbage collector comes by.
  const chunk = chunkOf(duckdb, columns)
  let appended = 0
  let characters = 0
  let charactersInAppender = 0
  let heavy = false
  return {
    append(rows: readonly Row[], partitions: Partitions) {
      for (const slice of slicesOf(rows)) {
        fillChunk(duckdb, { chunk, columns, rows: slice.rows, partitions })
        appender.appendDataChunk(chunk)
        heavy ||= slice.characters > slice.rows.length * HEAVY_ROW_CHARACTERS
        appended += slice.rows.length
        characters += slice.characters
        charactersInAppender += slice.characters
        if (charactersInAppender < CHARACTERS_IN_APPENDER) continue
        appender.flushSync()
        charactersInAppender = 0
      }
    },
    finish: () => appender.closeSync(),
    hasHeavyRows: () => heavy,
    rowGroupRowsMax: () => Math.ceil((ROW_GROUP_CHARACTERS * appended) / Math.max(characters, 1)),
  }
}

/**
 * The Parquet writer of DuckDB takes at least a vector at a time into memory, and a vector of rows as long as
 * these passes the limit. They are no Bluesky events, but an entry may be 16 MB: better slow than stuck.
 */
const HEAVY_ROW_CHARACTERS = 64_000_000 / CHUNK_ROWS

/** Four fifths of what this machine, or this container, has: DuckDB's own default. */
function mostOfMemory(): string {
  const bytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
  return `${Math.floor(bytes * 0.8e-6)}MB`
}

async function sortByPartition(connection: DuckDBConnection): Promise<void> {
  await connection.run('CREATE TABLE sorted AS FROM rows ORDER BY partition, rowid')
  await connection.run('DROP TABLE rows')
  await connection.run('ALTER TABLE sorted RENAME TO rows')
}
