import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll } from 'vitest'

import type { ParquetPort, PartitionFile, WriterOptions } from '../../src/flows/parquet-port.ts'
import type { Row } from '../../src/records/columns.ts'
import type { EventType } from '../../src/records/event-type.ts'

const base = mkdtempSync(join(tmpdir(), 'skydrain parquet '))

afterAll(() => rmSync(base, { recursive: true, force: true }))

/** A folder of its own, whose name is a trap for whoever puts paths into SQL or into a glob. */
export function newFolder(): string {
  return mkdtempSync(join(base, `it's [a] "folder" * `))
}

export function writerOptions(type: EventType, folder = newFolder()): WriterOptions {
  return { type, folder, run: `run of "it's"`, stream: 'bluesky_posts' }
}

/** Writes the rows in two batches, as a drain does. */
export async function write(
  port: ParquetPort,
  type: EventType,
  rows: readonly Row[],
): Promise<readonly PartitionFile[]> {
  const writer = await port.openWriter(writerOptions(type))
  const half = Math.ceil(rows.length / 2)
  await writer.append(rows.slice(0, half))
  await writer.append(rows.slice(half))
  return writer.finish()
}

export async function writeOne(port: ParquetPort, type: EventType, rows: readonly Row[]): Promise<string> {
  const [file, ...others] = await write(port, type, rows)
  if (file === undefined || others.length > 0) throw new Error('These rows are not of one partition')
  return file.path
}

/** The paths below a folder that this process holds open. */
export function openBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd')
    .map(targetOf)
    .filter(path => path.startsWith(folder))
}

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    return '' // the descriptor that listed the folder is closed by now
  }
}
