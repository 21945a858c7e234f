import type { PartitionFile, PartitionWriter, WriterOptions } from '../flows/parquet-port.ts'
import { columnsOf } from '../records/columns.ts'
import { type DuckDb, type DuckdbOptions, identifier, quoted } from './duckdb.ts'
import { openRowTable, type RowTable } from './duckdb-table.ts'
import { unwritable } from './file-error.ts'
import { fileOf, metadataOf, type Partition, Partitions, stagedPath } from './partitions.ts'

/** Beyond this many partitions it pays to sort the table once, because each file is a search through it. */
const PARTITIONS_UNSORTED = 32

/**
 * Rows go into an in-memory table, with the number of their partition, and out of it into one file per
 * partition. Many partitions cost no handles and no buffers of their own that way.
 */
export function openDuckdbWriter(duckdb: DuckDb, options: DuckdbOptions & WriterOptions): PartitionWriter {
  const partitions = new Partitions(options.type)
  let table: RowTable | undefined
  let open = true

  const close = () => {
    open = false
    table?.close()
    table = undefined
  }

  return {
    async append(rows) {
      if (!open) throw new Error('append was called on a Parquet writer that is finished')
      if (rows.length === 0) return
      table ??= await openRowTable(duckdb, options)
      table.append(rows, partitions)
    },

    async finish() {
      if (!open) throw new Error('finish was called twice on a Parquet writer')
      try {
        return table === undefined ? [] : await copyOut(table, partitions.all(), options)
      } finally {
        close()
      }
    },

    async discard() {
      close()
    },
  }
}

async function copyOut(
  table: RowTable,
  partitions: readonly Partition[],
  options: DuckdbOptions & WriterOptions,
): Promise<PartitionFile[]> {
  await table.complete({ sorted: partitions.length > PARTITIONS_UNSORTED })
  const rowGroupRows = Math.min(options.rowGroupRows, table.rowGroupRowsMax())
  const files: PartitionFile[] = []
  for (const partition of partitions) {
    const path = stagedPath(options.folder, partition)
    try {
      await table.connection.run(copyStatement(path, partition, { ...options, rowGroupRows }))
    } catch (cause) {
      throw unwritable(path, cause)
    }
    files.push(fileOf(path, partition))
  }
  return files
}

/** The rows stay in the order in which they were appended: DuckDB keeps a table's order unless told not to. */
function copyStatement(path: string, partition: Partition, options: DuckdbOptions & WriterOptions): string {
  const names = columnsOf[options.type].map(column => identifier(column.name))
  const metadata = Object.entries(metadataOf(options, partition))
  const pairs = metadata.map(([key, value]) => `${quoted(key)}: ${quoted(value)}`)
  return `
    COPY (SELECT ${names.join(', ')} FROM rows WHERE partition = ${partition.index}) TO ${quoted(path)} (
      FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${options.rowGroupRows},
      KV_METADATA {${pairs.join(', ')}}
    )`
}
