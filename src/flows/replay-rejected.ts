import type { EventType } from '../records/event-type.ts'
import { parseRejectedLine } from '../records/rejected-entry.ts'
import { makeRows } from './make-rows.ts'
import type { RejectedPort } from './rejected-port.ts'

export type ReplayCounts = {
  /** Rejected entries that were tried again. */
  readonly entries: number
  /** Those that are rows now, under the stream_id that they always had. */
  readonly written: number
  /** Those that stay rejected. */
  readonly rejected: number
}

/**
 * Tries every rejected entry of a type again, and moves those that can be rows now out of the rejected files
 * into Parquet, each file in one commit. What is rejected stays so until the rules have changed: a newer version,
 * a larger ENTRY_BYTES_MAX.
 */
export async function replayRejected(
  rejected: RejectedPort,
  { type, run, entryBytesMax }: { type: EventType; run: string; entryBytesMax: number },
  signal: AbortSignal,
): Promise<ReplayCounts> {
  const counts = { entries: 0, written: 0, rejected: 0 }
  for (const { path } of await rejected.list(type)) {
    signal.throwIfAborted()
    const entries = (await rejected.read(path)).map(line => parseRejectedLine(line).entry)
    const staged = makeRows(type, entries, entryBytesMax)
    counts.entries += staged.rows.length + staged.rejected.length
    if (staged.rows.length > 0) {
      const outcome = await rejected.replace({ type, path, run, staged })
      if (outcome.state === 'committed') counts.written += staged.rows.length
    }
    counts.rejected += staged.rejected.length
  }
  return counts
}
