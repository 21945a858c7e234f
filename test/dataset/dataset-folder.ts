import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterAll, beforeAll } from 'vitest'

import { commitLogs } from '../../src/dataset/commit-log.ts'
import { type CommitRecord, parseRecord, serializeRecord } from '../../src/dataset/commit-record.ts'
import { type Dataset, openDataset } from '../../src/dataset/dataset.ts'
import { type Disk, nodeDisk } from '../../src/dataset/disk.ts'
import { recordPath } from '../../src/dataset/layout.ts'
import { OperatingError } from '../../src/engine/errors.ts'
import type { CommitLog, CommitOutcome, StagedEntries } from '../../src/flows/dataset-port.ts'
import type { ParquetPort } from '../../src/flows/parquet-port.ts'
import { openParquet } from '../../src/parquet/open.ts'
import { perType } from '../../src/records/event-type.ts'
import { rejectedLine } from '../../src/records/rejected-entry.ts'
import { toRow } from '../../src/records/row.ts'
import type { EntryId, StreamEntry } from '../../src/records/stream-entry.ts'

export const streams = perType(type => `test_${type}`)
export const stream = streams.posts
export const HOUR_22 = Date.UTC(2026, 10, 21, 22)

let base: string
let parquet: ParquetPort

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'skydrain dataset-'))
  parquet = await openParquet({ writer: 'parquetjs', warn: () => undefined })
})

afterAll(() => rm(base, { recursive: true, force: true }))

/** A folder that is not there yet. */
export function newFolder(): string {
  return join(base, randomUUID(), 'data dir')
}

export function newDataset(disk: Disk = nodeDisk, folder = newFolder()): Promise<Dataset> {
  return openDataset(disk, folder, streams)
}

export type LogOptions = {
  readonly disk?: Disk
  readonly parquet?: (port: ParquetPort) => ParquetPort
  readonly aheadMs?: number
}

/** The log of the posts as another process opens it, caught up. */
export async function openLog(dataset: Dataset, options: LogOptions = {}): Promise<CommitLog> {
  const { disk = nodeDisk, parquet: wrap = port => port, aheadMs = 0 } = options
  const tools = { disk, openParquet: async () => wrap(parquet), now: () => Date.now() + aheadMs }
  const log = await commitLogs(dataset, tools).openLog('posts')
  await log.catchUp()
  return log
}

/** The deletion of a post; `did` tells entries of one id apart. */
export function entry(id: EntryId, did = `did:plc:${id}`): StreamEntry {
  const commit = { operation: 'delete', collection: 'app.bsky.feed.post', rkey: 'r' }
  const data = JSON.stringify({ did, time_us: HOUR_22 * 1000, kind: 'commit', commit })
  return { id, fields: [Buffer.from('data'), Buffer.from(data)] }
}

export function badEntry(id: EntryId, text = 'no JSON'): StreamEntry {
  return { id, fields: [Buffer.from('data'), Buffer.from(text)] }
}

/** Entries with the ids `<HOUR_22 + n>-0`. */
export function entries(from: number, to: number): StreamEntry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entry(idOf(from + at)))
}

export function idOf(n: number): EntryId {
  return `${HOUR_22 + n}-0`
}

export function staged(entries: readonly StreamEntry[]): StagedEntries {
  const rows: StagedEntries['rows'][number][] = []
  const rejected: StagedEntries['rejected'][number][] = []
  for (const entry of entries) {
    const made = toRow('posts', entry, { entryBytesMax: 16_777_216 })
    if ('row' in made) rows.push(made.row)
    else rejected.push({ id: entry.id, line: rejectedLine(entry, made.rejected) })
  }
  return { rows, rejected }
}

export async function commit(log: CommitLog, entries: readonly StreamEntry[]): Promise<CommitOutcome> {
  const attempt = await log.begin('a-run')
  try {
    await attempt.append(staged(entries))
    return await attempt.commit()
  } finally {
    await attempt.drop()
  }
}

/** Every file and folder below a folder, as sorted relative paths; folders end in a slash. */
export async function treeOf(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found
    .map(it => `${it.parentPath}/${it.name}`.slice(folder.length + 1) + (it.isDirectory() ? '/' : ''))
    .sort()
}

export async function publishedOf({ folder }: Dataset): Promise<string[]> {
  return (await treeOf(folder)).filter(
    path => path.endsWith('.parquet') || /^_rejected\/.*ndjson$/.test(path),
  )
}

/** What is left in the staging of the posts. */
export async function stagingOf({ folder }: Dataset): Promise<string[]> {
  return (await treeOf(folder)).filter(path => path.startsWith(`_staging/${stream}/`)).slice(1)
}

/** The ids that a reader of the plain glob, and of the rejected files, finds. */
export async function idsIn(dataset: Dataset): Promise<EntryId[]> {
  const ids: EntryId[] = []
  for (const path of await publishedOf(dataset)) {
    const whole = join(dataset.folder, path)
    if (path.endsWith('.parquet')) ids.push(...(await parquet.readIds(whole)))
    else ids.push(...linesOf(await readFile(whole, 'utf8')).map(line => String(JSON.parse(line).id)))
  }
  return ids.sort()
}

function linesOf(text: string): string[] {
  return text.split('\n').filter(line => line !== '')
}

export async function recordsOf({ folder }: Dataset): Promise<CommitRecord[]> {
  const paths = (await treeOf(folder)).filter(path => /^_log\/test_posts\/\d+\/\d+\.json$/.test(path))
  return await Promise.all(
    paths.map(async path => parseRecord(await readFile(join(folder, path), 'utf8'), path)),
  )
}

/** Puts a valid record into the log, as another process would have decided it. */
export async function craft(
  { folder }: Dataset,
  record: Partial<CommitRecord> & { number: number },
): Promise<void> {
  const whole: CommitRecord = {
    version: 1,
    kind: 'append',
    attempt: randomUUID(),
    aborts: null,
    stream,
    type: 'posts',
    run: 'another-run',
    time: '2026-11-21T22:00:00.000Z',
    runs: [],
    files: [],
    rejected: null,
    removes: [],
    ...record,
  }
  const path = join(folder, recordPath(stream, record.number))
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, serializeRecord(whole))
}

/** The bytes and times of everything below a folder, to show that nothing was touched. */
export async function fingerprintOf(folder: string): Promise<string[]> {
  const lines: string[] = []
  for (const path of await treeOf(folder)) {
    const { mtimeNs, ctimeNs, size, ino } = await stat(join(folder, path), { bigint: true })
    lines.push(`${path} ${size} ${ino} ${mtimeNs} ${ctimeNs}`)
  }
  return lines
}

/** For `rejects.toSatisfy`: an operating error of a code whose sentence holds a text. */
export function refusal(code: OperatingError['code'], text: string | RegExp = '') {
  return (error: unknown) =>
    error instanceof OperatingError && error.code === code && error.message.search(text) >= 0
}

/** What a call of the file system throws, as `nodeDisk` tells it. */
export function failure(code: string): OperatingError {
  const cause = Object.assign(new Error(`${code}: i/o error, injected`), { code })
  return new OperatingError('disk-error', `The disk of DATA_DIR failed (${code}).`, { cause })
}
