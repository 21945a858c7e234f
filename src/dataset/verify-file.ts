import { join } from 'node:path'

import { toError } from '../engine/errors.ts'
import type { OpenParquet } from '../flows/dataset-port.ts'
import { parseRejectedLine } from '../records/rejected-entry.ts'
import { compareIds, type EntryId } from '../records/stream-entry.ts'
import type { Dataset } from './dataset.ts'
import type { Disk } from './disk.ts'
import { linesOf } from './known-entries.ts'
import { checksumOf } from './staged-files.ts'
import type { LiveFile } from './stream-log.ts'

/** A file that is not what its record says; its rows count as missing. */
export type FileFault = { readonly path: string; readonly message: string; readonly rows: number }

export type VerifyFileTools = {
  readonly disk: Disk
  readonly dataset: Dataset
  readonly openParquet: OpenParquet
}

/** Compares a file with its record: that it is there, its bytes, its rows, its ids. Undefined when all is well. */
export async function verifyFile(tools: VerifyFileTools, file: LiveFile): Promise<FileFault | undefined> {
  const path = join(tools.dataset.folder, file.path)
  const content = await tools.disk.read(path)
  const message =
    content === undefined ? await whereItIs(tools, file) : await faultOf(tools, file, path, content)
  return message === undefined ? undefined : { path, message, rows: file.rows }
}

async function whereItIs({ disk, dataset }: VerifyFileTools, file: LiveFile): Promise<string> {
  const isStaged = (await disk.size(join(dataset.folder, file.staged))) !== undefined
  return isStaged
    ? `Committed with ${file.rows} rows by record ${file.record}, and not published yet. The next run does it, or bin/skydrain verify --repair.`
    : `Committed with ${file.rows} rows by record ${file.record}, and gone. Restore it from a backup of DATA_DIR.`
}

async function faultOf(
  { openParquet }: VerifyFileTools,
  file: LiveFile,
  path: string,
  content: Buffer,
): Promise<string | undefined> {
  const restore = 'Restore it from a backup of DATA_DIR.'
  if (content.length !== file.bytes) {
    return `It has ${content.length} bytes, and ${file.bytes} when it was committed. ${restore}`
  }
  if (checksumOf(content) !== file.checksum) {
    return `Its checksum is another than when it was committed: somebody or the disk changed it. ${restore}`
  }
  try {
    const ids = file.rejected
      ? linesOf(content).map(line => parseRejectedLine(line).entry.id)
      : await (await openParquet()).readIds(path)
    return idFault(file, ids)
  } catch (error) {
    return `It cannot be read: ${toError(error).message}. ${restore}`
  }
}

function idFault(file: LiveFile, ids: readonly EntryId[]): string | undefined {
  if (ids.length !== file.rows) return `It holds ${ids.length} rows, and its record says ${file.rows}.`
  const sorted = [...ids].sort(compareIds)
  if (sorted[0] !== file.first || sorted.at(-1) !== file.last) {
    return `Its ids reach from ${sorted[0]} to ${sorted.at(-1)}, and its record says ${file.first} to ${file.last}.`
  }
  const double = sorted.find((id, at) => at > 0 && id === sorted[at - 1])
  return double === undefined ? undefined : `It holds the id ${double} twice.`
}
