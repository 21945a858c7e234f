import { appendFile } from 'node:fs/promises'

import parquetjs, { type ParquetEnvelopeWriter } from 'parquetjs-lite'

import { type Column, columnsOf, type Row } from '../records/columns.ts'
import type { EventType } from '../records/event-type.ts'
import { unwritable } from './file-error.ts'
import { footerOf } from './parquetjs-footer.ts'
import { rowBufferOf, schemaOf } from './parquetjs-rows.ts'

/**
 * A Parquet file that grows by row groups and is open only while it does, so that hundreds of partitions cost
 * no handles.
 */
export class ParquetjsFile {
  readonly path: string
  readonly #columns: readonly Column[]
  readonly #envelope: ParquetEnvelopeWriter
  #encoded: Buffer[] = []
  #exists = false

  constructor(type: EventType, path: string) {
    this.path = path
    this.#columns = columnsOf[type]
    this.#envelope = new parquetjs.ParquetEnvelopeWriter(
      schemaOf(this.#columns),
      bytes => this.#encoded.push(bytes),
      () => {},
      0,
      // Pages of version 2 state a number of rows, and page indexes a first row, that are wrong for lists.
      { useDataPageV2: false, pageIndex: false },
    )
    this.#envelope.writeHeader()
  }

  async writeRowGroup(rows: readonly Row[]): Promise<void> {
    await this.#naming(async () => {
      await encodeRowGroup(this.#envelope, this.#columns, rows)
      await this.#writeOut()
    })
  }

  async finish(metadata: Readonly<Record<string, string>>): Promise<void> {
    await this.#naming(async () => {
      this.#envelope.writeSection(footerOf(this.#columns, this.#envelope, metadata))
      await this.#writeOut()
    })
  }

  async #writeOut(): Promise<void> {
    const bytes = Buffer.concat(this.#encoded)
    this.#encoded = []
    // The first write must make the file: one that is there already belongs to somebody else.
    await appendFile(this.path, bytes, { flag: this.#exists ? 'a' : 'ax' })
    this.#exists = true
  }

  /** parquetjs-lite throws strings: what comes out of here is an Error that names the file. */
  async #naming(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      throw unwritable(this.path, error)
    }
  }
}

/**
 * A ParquetWriter encodes its row buffer into pages when it is closed. One is made for each row group and
 * given the buffer, filled; of its envelope's calls only the row group goes through, the rest is the file's.
 */
async function encodeRowGroup(
  envelope: ParquetEnvelopeWriter,
  columns: readonly Column[],
  rows: readonly Row[],
): Promise<void> {
  const nothing = () => {}
  const encoder = new parquetjs.ParquetWriter(
    schemaOf(columns),
    {
      useDataPageV2: envelope.useDataPageV2,
      writeHeader: nothing,
      writeRowGroup: pages => envelope.writeRowGroup(pages),
      writeIndex: nothing,
      writeFooter: nothing,
      close: nothing,
    },
    {},
  )
  encoder.rowBuffer = rowBufferOf(columns, rows)
  await encoder.close()
}
