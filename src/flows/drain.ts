import type { Row } from '../records/columns.ts'
import type { EventType } from '../records/event-type.ts'
import { rejectedLine } from '../records/rejected-entry.ts'
import { type RejectReason, toRow } from '../records/row.ts'
import { compareIds, type EntryId, type StreamEntry } from '../records/stream-entry.ts'
import type { Attempt, CommitLog, DatasetPort } from './dataset-port.ts'
import type { DrainReport } from './drain-report.ts'
import type { IdRange, StreamConnection, StreamsPort } from './streams-port.ts'

export type DrainTools = {
  readonly streams: StreamsPort
  readonly dataset: DatasetPort
  readonly limits: DrainLimits
  /** Milliseconds; only ends commits and runs in time, decides nothing about entries. */
  readonly now: () => number
  readonly warn: (message: string) => void
}

export type DrainLimits = {
  readonly batchSize: number
  readonly fileRowsMax: number
  readonly entryBytesMax: number
}

export type DrainRequest = {
  readonly type: EventType
  readonly range: IdRange
  readonly run: string
  /** No entry is read after this time; what is in hand is still committed. */
  readonly readUntil: number
}

/** Staged rows wait at most this long for their commit, so that a slow stream's rows come to be seen. */
const COMMIT_AFTER_MS = 60_000

/** What one commit stages at most, as entries' bytes: FILE_ROWS_MAX giant entries would not fit in memory. */
const COMMIT_BYTES_MAX = 256 * 1024 * 1024

/**
 * Moves the entries of a range from a stream into the dataset, then deletes them from the stream. Whatever
 * crashes, each entry ends in the dataset exactly once; ARCHITECTURE.md, "Exactly once", says why each step
 * stands where it does. The scheduled run, the backfill of a window and several workers on one long stream
 * are all this function, over other ranges.
 *
 * What it has done is added to `report` step by step, so that it is right even when this throws: operating
 * errors of Redis and the disk, or the signal's reason.
 */
export async function drain(
  tools: DrainTools,
  { type, range, run, readUntil }: DrainRequest,
  report: DrainReport,
  signal: AbortSignal,
): Promise<void> {
  const log = await tools.dataset.openLog(type)
  await log.catchUp()
  await log.cleanUp(run)

  const connection = await tools.streams.connect(type)
  try {
    const { length, lastGeneratedId } = await connection.inspect()
    report.found(length)
    let rest: IdRange | undefined = { from: range.from, to: smallerId(range.to, lastGeneratedId) }
    while (rest !== undefined && length > 0 && tools.now() < readUntil) {
      signal.throwIfAborted()
      rest = await drainOneCommit({ ...tools, log, connection, type, run, readUntil, report, signal }, rest)
    }
    if (rest !== undefined && length > 0) report.stopped()
    await log.fold()
  } finally {
    await connection.close()
  }
}

type CommitTools = DrainTools &
  Omit<DrainRequest, 'range'> & {
    readonly log: CommitLog
    readonly connection: StreamConnection
    readonly report: DrainReport
    readonly signal: AbortSignal
  }

/**
 * Reads, stages, commits and deletes up to one commit's worth from the start of a range. Returns what is left
 * of the range, undefined when nothing is.
 */
async function drainOneCommit(tools: CommitTools, range: IdRange): Promise<IdRange | undefined> {
  const { log, connection, report, signal } = tools
  const attempt = await log.begin(tools.run)
  try {
    const staged = await stageEntries(tools, attempt, range)
    if (staged.ids.length > 0) {
      signal.throwIfAborted()
      const outcome = await attempt.commit()
      if (outcome.state === 'overtaken') return range
      report.committed(staged, outcome)
      report.deleted(await connection.deleteEntries(staged.ids))
    }
    if (staged.last !== undefined) await tellGroup(tools, staged.last)
    return staged.rest
  } finally {
    await attempt.drop()
  }
}

type Staged = {
  /** The entries that became rows or rejected lines. */
  readonly ids: readonly EntryId[]
  readonly rows: number
  readonly rejected: ReadonlyMap<RejectReason, number>
  readonly last: EntryId | undefined
  readonly rest: IdRange | undefined
}

async function stageEntries(tools: CommitTools, attempt: Attempt, range: IdRange): Promise<Staged> {
  const { connection, limits, now, signal } = tools
  const commitAt = now() + COMMIT_AFTER_MS
  const ids: EntryId[] = []
  const rejected = new Map<RejectReason, number>()
  let rows = 0
  let bytes = 0
  let last: EntryId | undefined

  for (let rest: IdRange | undefined = range; rest !== undefined; ) {
    signal.throwIfAborted()
    const room = limits.fileRowsMax - ids.length
    if (room <= 0 || bytes >= COMMIT_BYTES_MAX || now() >= Math.min(commitAt, tools.readUntil)) {
      return { ids, rows, rejected, last, rest }
    }
    const batch = await connection.read(rest, Math.min(limits.batchSize, room))
    last = batch.at(-1)?.id ?? last
    const fresh = await settle(tools, batch)
    const made = toRows(tools.type, fresh, limits.entryBytesMax)
    await attempt.append(made)

    for (const entry of fresh) {
      ids.push(entry.id)
      bytes += bytesOf(entry)
    }
    for (const reason of made.reasons) rejected.set(reason, (rejected.get(reason) ?? 0) + 1)
    rows += made.rows.length
    rest = batch.length === 0 ? undefined : after(last, range.to)
  }
  return { ids, rows, rejected, last, rest: undefined }
}

/** Deletes the entries that the dataset holds already, and returns the others. */
async function settle(tools: CommitTools, batch: readonly StreamEntry[]): Promise<readonly StreamEntry[]> {
  const { fresh, known, collisions } = await tools.log.settle(batch)
  if (known.length > 0) tools.report.duplicates(known.length, await tools.connection.deleteEntries(known))
  if (collisions.length > 0) {
    tools.report.collisions(collisions.length)
    tools.warn(
      `${collisions.length} ${tools.type} carry an id that the dataset holds with other content (first ${collisions[0]}): Redis has been through a split brain. Both are kept.`,
    )
  }
  return fresh
}

type MadeRows = {
  readonly rows: readonly Row[]
  readonly rejected: readonly { readonly id: EntryId; readonly line: string }[]
  readonly reasons: readonly RejectReason[]
}

function toRows(type: EventType, entries: readonly StreamEntry[], entryBytesMax: number): MadeRows {
  const rows: Row[] = []
  const rejected: { id: EntryId; line: string }[] = []
  const reasons: RejectReason[] = []
  for (const entry of entries) {
    const made = toRow(type, entry, { entryBytesMax })
    if ('row' in made) {
      rows.push(made.row)
    } else {
      rejected.push({ id: entry.id, line: rejectedLine(entry, made.rejected) })
      reasons.push(made.rejected.reason)
    }
  }
  return { rows, rejected, reasons }
}

async function tellGroup({ connection, type, warn }: CommitTools, last: EntryId): Promise<void> {
  const error = await connection.moveGroup(last)
  if (error)
    warn(`the monitoring group of ${type} was not moved, its lag will read too high: ${error.message}`)
}

function bytesOf(entry: StreamEntry): number {
  return entry.fields.reduce((sum, field) => sum + field.length, 0)
}

function smallerId(a: EntryId, b: EntryId): EntryId {
  return compareIds(a, b) <= 0 ? a : b
}

/** What lies behind an entry of a range; undefined where the entry was its last. */
function after(id: EntryId | undefined, to: EntryId): IdRange | undefined {
  if (id === undefined || compareIds(id, to) >= 0) return undefined
  return { from: nextId(id), to }
}

const SEQUENCE_MAX = 18446744073709551615n

function nextId(id: EntryId): EntryId {
  const [milliseconds = '0', sequence = '0'] = id.split('-')
  const next = BigInt(sequence) + 1n
  return next > SEQUENCE_MAX ? `${BigInt(milliseconds) + 1n}-0` : `${milliseconds}-${next}`
}
