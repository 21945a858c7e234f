import { type FileHandle, open } from 'node:fs/promises'

import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

import type { Footer } from '../flows/parquet-port.ts'
import { type Column, columnsOf, type Row, type Value } from '../records/columns.ts'
import type { EventType } from '../records/event-type.ts'
import type { EntryId } from '../records/stream-entry.ts'
import { unreadable } from './file-error.ts'
import { textOf } from './text.ts'

export async function readFooter(path: string): Promise<Footer> {
  return withFile(path, async file => {
    const { num_rows, key_value_metadata = [] } = await parquetMetadataAsync(file)
    return {
      rows: Number(num_rows),
      metadata: Object.fromEntries(key_value_metadata.map(({ key, value = '' }) => [key, value])),
    }
  })
}

export async function readIds(path: string): Promise<readonly EntryId[]> {
  const rows = await recordsOf(path, ['stream_id'])
  return rows.map(({ stream_id }) => String(stream_id))
}

export async function readRows(
  path: string,
  type: EventType,
  ids?: readonly EntryId[],
): Promise<readonly Row[]> {
  const columns = columnsOf[type]
  const records = await recordsOf(
    path,
    columns.map(column => column.name),
  )
  const wanted = ids && new Set<unknown>(ids)
  const chosen = wanted ? records.filter(({ stream_id }) => wanted.has(stream_id)) : records
  return chosen.map(record => rowFrom(columns, record))
}

/** hyparquet's own parsers cut timestamps to milliseconds and drop a leading byte order mark. */
const parsers = { stringFromBytes: textOf, timestampFromMicroseconds: Number }

function recordsOf(path: string, columns: string[]): Promise<Record<string, unknown>[]> {
  return withFile(path, file => parquetReadObjects({ file, columns, compressors, parsers }))
}

function rowFrom(columns: readonly Column[], record: Record<string, unknown>): Row {
  const row: Record<string, Value> = {}
  for (const { name } of columns) row[name] = valueFrom(record[name])
  return row
}

function valueFrom(value: unknown): Value {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map(String)
  throw new TypeError(`A column of ours cannot hold ${String(value)}`)
}

async function withFile<T>(path: string, read: (file: AsyncBuffer) => Promise<T>): Promise<T> {
  try {
    const handle = await open(path)
    try {
      return await read(await bufferOf(handle))
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function bufferOf(handle: FileHandle): Promise<AsyncBuffer> {
  const { size } = await handle.stat()
  return {
    byteLength: size,
    async slice(start, end = size) {
      const bytes = new Uint8Array(end - start)
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
      if (bytesRead !== bytes.length) throw new Error(`it ends before byte ${end}`)
      return bytes.buffer
    },
  }
}
