import type { PartitionFile, PartitionWriter, WriterOptions } from '../flows/parquet-port.ts'
import type { Row } from '../records/columns.ts'
import { ParquetjsFile } from './parquetjs-file.ts'
import { fileOf, metadataOf, type Partition, Partitions, stagedPath } from './partitions.ts'
import { charactersOf } from './row-size.ts'

/** A row group's text in memory: rows, columns and encoded pages together take some four times as much. */
const ROW_GROUP_CHARACTERS = 64_000_000

/** The text that may wait in all partitions together before the fullest one is written out. */
const WAITING_CHARACTERS = 128_000_000

type Waiting = {
  readonly partition: Partition
  readonly file: ParquetjsFile
  rows: Row[]
  characters: number
}

/** Rows wait in memory, by partition, until they make a row group; only then is their file opened. */
export function openParquetjsWriter(
  options: WriterOptions & { readonly rowGroupRows: number },
): PartitionWriter {
  const { type, folder, rowGroupRows } = options
  const partitions = new Partitions(type)
  const waiting = new Map<Partition, Waiting>()
  let charactersWaiting = 0
  let open = true

  const waitingIn = (partition: Partition): Waiting => {
    let entry = waiting.get(partition)
    if (entry === undefined) {
      const file = new ParquetjsFile(type, stagedPath(folder, partition))
      entry = { partition, file, rows: [], characters: 0 }
      waiting.set(partition, entry)
    }
    return entry
  }

  const flush = async (entry: Waiting): Promise<void> => {
    await entry.file.writeRowGroup(entry.rows)
    charactersWaiting -= entry.characters
    entry.rows = []
    entry.characters = 0
  }

  return {
    async append(rows) {
      if (!open) throw new Error('append was called on a Parquet writer that is finished')
      for (const row of rows) {
        const entry = waitingIn(partitions.add(row))
        const characters = charactersOf(row)
        entry.rows.push(row)
        entry.characters += characters
        charactersWaiting += characters
        if (entry.rows.length >= rowGroupRows || entry.characters >= ROW_GROUP_CHARACTERS) await flush(entry)
        else if (charactersWaiting >= WAITING_CHARACTERS) await flush(fullestOf(waiting))
      }
    },

    async finish() {
      if (!open) throw new Error('finish was called twice on a Parquet writer')
      open = false
      const files: PartitionFile[] = []
      for (const partition of partitions.all()) {
        const entry = waitingIn(partition)
        if (entry.rows.length > 0) await flush(entry)
        await entry.file.finish(metadataOf(options, partition))
        files.push(fileOf(entry.file.path, partition))
      }
      waiting.clear()
      return files
    },

    async discard() {
      open = false
      waiting.clear()
    },
  }
}

function fullestOf(waiting: ReadonlyMap<Partition, Waiting>): Waiting {
  return [...waiting.values()].reduce((fullest, entry) =>
    entry.characters > fullest.characters ? entry : fullest,
  )
}
