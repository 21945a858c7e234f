import { join } from 'node:path'

import { type EntryId, isEntryId } from '../records/stream-entry.ts'

/** Where everything lies below DATA_DIR. All paths in records are relative to it, with forward slashes. */
export const LAYOUT_VERSION = 1
export const DATASET_FILE = '_dataset.json'
export const LOG_FOLDER = '_log'
export const STAGING_FOLDER = '_staging'
export const REJECTED_FOLDER = '_rejected'

const RECORDS_PER_FOLDER = 10_000

export function logFolder(stream: string): string {
  return join(LOG_FOLDER, stream)
}

/** `_log/<stream>/0000`: records stand in folders of 10,000, so that none grows too long to list. */
export function recordFolder(stream: string, number: number): string {
  return join(logFolder(stream), String(Math.floor(number / RECORDS_PER_FOLDER)).padStart(4, '0'))
}

/** `_log/<stream>/0000/00000000000000000042.json` */
export function recordPath(stream: string, number: number): string {
  return join(recordFolder(stream, number), `${recordName(number)}.json`)
}

export function recordName(number: number): string {
  return String(number).padStart(20, '0')
}

/** The number of a record from its file's name; undefined for any other file. */
export function numberOfRecord(name: string): number | undefined {
  return /^\d{20}\.json$/.test(name) ? Number(name.slice(0, 20)) : undefined
}

export function checkpointPath(stream: string): string {
  return join(logFolder(stream), 'checkpoint.json')
}

/** Staging stands by stream, so that the cleaner of a stream knows whose log must abort an attempt. */
export function stagingFolder(stream: string): string {
  return join(STAGING_FOLDER, stream)
}

export function attemptFolder(stream: string, attempt: string): string {
  return join(stagingFolder(stream), attempt)
}

/**
 * No two attempts share a path, so publishing twice or late can never replace another attempt's file. The ids
 * come from Redis: what is no id makes no path.
 */
export function fileName(first: EntryId, last: EntryId, attempt: string): string {
  if (!isEntryId(first) || !isEntryId(last)) throw new Error('Redis gave an entry an id that is none')
  return `${first}_${last}_${attempt}`
}
