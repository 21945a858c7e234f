import type { PartitionFile, PartitionWriter, WriterOptions } from '../flows/parquet-port.ts'
import { WaitingRows } from './parquetjs-waiting.ts'
import { fileOf, metadataOf, Partitions } from './partitions.ts'

/** Encodes on the thread that calls it: a drain has a thread of its own. */
export function openParquetjsWriter(
  options: WriterOptions & { readonly rowGroupRows: number },
): PartitionWriter {
  const partitions = new Partitions(options.type)
  const waiting = new WaitingRows(options)
  let open = true

  return {
    async append(rows) {
      if (!open) throw new Error('append was called on a Parquet writer that is finished')
      for (const row of rows) {
        const full = waiting.add(partitions.add(row), row)
        if (full !== undefined) await waiting.writeOut(full)
      }
    },

    async finish() {
      if (!open) throw new Error('finish was called twice on a Parquet writer')
      open = false
      const files: PartitionFile[] = []
      for (const partition of partitions.all()) {
        const file = await waiting.writeOut(partition)
        await file.finish(metadataOf(options, partition))
        files.push(fileOf(file.path, partition))
      }
      return files
    },

    async discard() {
      open = false
      waiting.clear()
    },
  }
}
