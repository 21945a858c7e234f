import { createHash } from 'node:crypto'

import { OperatingError } from '../engine/errors.ts'
import { type EventType, isEventType } from '../records/event-type.ts'
import { type EntryId, isEntryId } from '../records/stream-entry.ts'
import type { Run } from './run-index.ts'

/** Raised when a record says something that an older version would misunderstand. */
export const RECORD_VERSION = 1

/**
 * The record that makes files count. `append` adds the files of a range; `replace` puts files in the place of
 * others (compaction, replay of rejected entries); `abort` ends an attempt that never committed.
 */
export type CommitRecord = {
  readonly version: number
  readonly kind: 'append' | 'replace' | 'abort'
  readonly number: number
  /** Names the attempt that made this record; no two records share it. */
  readonly attempt: string
  /** For `abort`: the attempt that can no longer commit. */
  readonly aborts: string | null
  readonly stream: string
  readonly type: EventType
  readonly run: string
  /** ISO 8601, UTC. For people; decides nothing. */
  readonly time: string
  readonly runs: readonly Run[]
  readonly files: readonly CommittedFile[]
  readonly rejected: RejectedFile | null
  /** For `replace`: the paths of the files, rejected ones included, that it takes away. */
  readonly removes: readonly string[]
}

/** Paths are relative to DATA_DIR, with forward slashes. */
export type StagedFile = {
  readonly path: string
  readonly staged: string
  readonly rows: number
  readonly bytes: number
  /** SHA-256 of the file, as hex. */
  readonly checksum: string
  readonly first: EntryId
  readonly last: EntryId
}

export type CommittedFile = StagedFile & { readonly partition: string }

/** `rows` are its lines. */
export type RejectedFile = StagedFile

/** The record as its file's text: one line of JSON and its own checksum. */
export function serializeRecord(record: CommitRecord): string {
  const { version, kind, number, attempt, aborts, stream, type, run, time, runs, ...files } = record
  return sealed({ version, kind, number, attempt, aborts, stream, type, run, time, runs, ...files })
}

/** Reads a record's file back. Throws a sentence where it is not the record that was written. */
export function parseRecord(text: string, path: string): CommitRecord {
  const record = unsealed(text, `The commit record ${path}`)
  if (!isRecord(record)) {
    throw unreadable(
      `The commit record ${path}`,
      `it is of version ${JSON.stringify(record.version)}, or not one`,
    )
  }
  return record
}

/** JSON with a last field `checksum`: SHA-256 of the JSON without it. */
export function sealed(content: object): string {
  return `${JSON.stringify({ ...content, checksum: sha256(JSON.stringify(content)) })}\n`
}

/** The content of a sealed text. Throws `unreadable-record` where it was cut or changed. */
export function unsealed(text: string, what: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw unreadable(what, text.length === 0 ? 'it is empty' : 'it is no whole JSON', cause)
  }
  if (!isObject(parsed)) throw unreadable(what, 'it is no JSON object')
  const { checksum, ...content } = parsed
  if (checksum !== sha256(JSON.stringify(content))) throw unreadable(what, 'its checksum does not fit')
  return content
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function unreadable(what: string, why: string, cause?: unknown): OperatingError {
  return new OperatingError(
    'unreadable-record',
    `${what} cannot be read: ${why}. Nothing is written to this dataset until it is restored, from a backup of DATA_DIR for instance; the entries stay on the streams. bin/skydrain verify lists what else is wrong.`,
    { cause },
  )
}

/** The checksum has shown that we wrote it; this shows that it is of a version that we understand. */
function isRecord(content: Record<string, unknown>): content is CommitRecord & Record<string, unknown> {
  const { version, kind, number, attempt, stream, type, runs, files, rejected, removes } = content
  return (
    version === RECORD_VERSION &&
    (kind === 'append' || kind === 'replace' || kind === 'abort') &&
    Number.isSafeInteger(number) &&
    typeof attempt === 'string' &&
    typeof stream === 'string' &&
    typeof type === 'string' &&
    isEventType(type) &&
    Array.isArray(runs) &&
    runs.every(isRun) &&
    Array.isArray(files) &&
    files.every(isFile) &&
    (rejected === null || isFile(rejected)) &&
    Array.isArray(removes) &&
    removes.every(isPathBelow)
  )
}

function isFile(file: unknown): boolean {
  return (
    isObject(file) && isPathBelow(file.path) && isPathBelow(file.staged) && Number.isSafeInteger(file.rows)
  )
}

/** No record of ours leads out of DATA_DIR; one that does was made to. */
function isPathBelow(path: unknown): boolean {
  return typeof path === 'string' && !path.startsWith('/') && !path.split('/').includes('..')
}

export function isRun(run: unknown): run is Run {
  if (!Array.isArray(run)) return false
  const [first, last, count] = run
  return (
    typeof first === 'string' &&
    typeof last === 'string' &&
    isEntryId(first) &&
    isEntryId(last) &&
    Number.isSafeInteger(count)
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
