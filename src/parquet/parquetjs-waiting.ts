import type { WriterOptions } from '../flows/parquet-port.ts'
import type { Row } from '../records/columns.ts'
import { ParquetjsFile } from './parquetjs-file.ts'
import { type Partition, stagedPath } from './partitions.ts'
import { charactersOf } from './row-size.ts'

/** A row group's text in memory: rows, columns and encoded pages together take some four times as much. */
const ROW_GROUP_CHARACTERS = 64_000_000

/** The text that may wait in all partitions together before the fullest one is written out. */
const WAITING_CHARACTERS = 128_000_000

type Entry = {
  readonly file: ParquetjsFile
  rows: Row[]
  characters: number
}

/** Rows wait here, by partition, until they make a row group; only then is their file opened. */
export class WaitingRows {
  readonly #options: WriterOptions & { readonly rowGroupRows: number }
  readonly #entries = new Map<Partition, Entry>()
  #characters = 0

  constructor(options: WriterOptions & { readonly rowGroupRows: number }) {
    this.#options = options
  }

  /** Takes a row, and returns the partition that has to be written out before the next one, if any. */
  add(partition: Partition, row: Row): Partition | undefined {
    const entry = this.#entryOf(partition)
    const characters = charactersOf(row)
    entry.rows.push(row)
    entry.characters += characters
    this.#characters += characters
    const full = entry.rows.length >= this.#options.rowGroupRows || entry.characters >= ROW_GROUP_CHARACTERS
    if (full) return partition
    return this.#characters >= WAITING_CHARACTERS ? this.#fullest() : undefined
  }

  /** Writes what waits in the partition, if anything does, as one row group of its file. */
  async writeOut(partition: Partition): Promise<ParquetjsFile> {
    const entry = this.#entryOf(partition)
    if (entry.rows.length > 0) await entry.file.writeRowGroup(entry.rows)
    this.#characters -= entry.characters
    entry.rows = []
    entry.characters = 0
    return entry.file
  }

  clear(): void {
    this.#entries.clear()
    this.#characters = 0
  }

  #entryOf(partition: Partition): Entry {
    let entry = this.#entries.get(partition)
    if (entry === undefined) {
      const file = new ParquetjsFile(this.#options.type, stagedPath(this.#options.folder, partition))
      entry = { file, rows: [], characters: 0 }
      this.#entries.set(partition, entry)
    }
    return entry
  }

  #fullest(): Partition | undefined {
    const entries = [...this.#entries]
    return entries.sort(([, a], [, b]) => b.characters - a.characters)[0]?.[0]
  }
}
