import { createHash } from 'node:crypto'
import { relative } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import type { ParquetPort, PartitionFile } from '../flows/parquet-port.ts'
import type { EventType } from '../records/event-type.ts'
import type { Stretch } from './ascending-ids.ts'
import type { CommittedFile, StagedFile } from './commit-record.ts'
import { codeOf, type Disk, diskError } from './disk.ts'
import { fileName, REJECTED_FOLDER } from './layout.ts'

/** Where staged files lie, and whose they are. */
export type StagingPlace = {
  readonly disk: Disk
  /** DATA_DIR, absolute. */
  readonly root: string
  readonly attempt: string
  readonly type: EventType
}

/** A written Parquet file as a record names it: fsynced, opened again, and found to hold its rows. */
export async function checkedParquet(
  place: StagingPlace,
  { path, partition, rows, firstId, lastId }: PartitionFile,
  parquet: ParquetPort,
): Promise<CommittedFile> {
  await place.disk.syncFile(path)
  const footer = await parquet.readFooter(path)
  if (footer.rows !== rows) {
    throw new OperatingError(
      'file-damaged',
      `${path} was written with ${rows} rows and reads back with ${footer.rows}: the disk or the writer is at fault. Nothing was deleted from the stream; run again, with PARQUET_WRITER set to the other writer if it stays.`,
    )
  }
  const final = `${partition}/${fileName(firstId, lastId, place.attempt)}.parquet`
  return {
    ...(await described(place, path, final, { first: firstId, last: lastId, count: rows })),
    partition,
  }
}

/** A rejected file as a record names it, fsynced. */
export async function checkedRejected(
  place: StagingPlace,
  path: string,
  lines: Stretch,
): Promise<StagedFile> {
  await place.disk.syncFile(path)
  const final = `${REJECTED_FOLDER}/${place.type}/${fileName(lines.first, lines.last, place.attempt)}.ndjson`
  return await described(place, path, final, lines)
}

async function described(
  { disk, root }: StagingPlace,
  path: string,
  final: string,
  { first, last, count }: Stretch,
): Promise<StagedFile> {
  const content = await disk.read(path)
  if (content === undefined) throw diskError(new Error('a staged file vanished'), path)
  return {
    path: final,
    staged: relative(root, path),
    rows: count,
    bytes: content.length,
    checksum: checksumOf(content),
    first,
    last,
  }
}

/** SHA-256, as hex: what a record says of its files. */
export function checksumOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** The Parquet writers know nothing of DATA_DIR: a full disk comes out of them in their own words. */
export async function writing<Result>(folder: string, call: Promise<Result>): Promise<Result> {
  try {
    return await call
  } catch (error) {
    if (error instanceof OperatingError) throw error
    const isDisk = /no space left|permission denied|I\/O error|read-only/i.test(String(error))
    throw isDisk || codeOf(error) !== undefined ? diskError(error, folder) : error
  }
}
