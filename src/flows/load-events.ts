import { setTimeout as sleep } from 'node:timers/promises'

import type { EventType } from '../records/event-type.ts'
import { routeEvent } from '../records/route.ts'

/** Where events are put: the streams. */
export type EventSink = {
  /** Adds all of them, or throws and tells how many are there. */
  readonly add: (
    events: readonly { readonly type: EventType; readonly data: string | Buffer }[],
  ) => Promise<void>
  readonly added: () => Readonly<Record<EventType, number>>
  readonly close: () => Promise<void>
}

export type LoadProgress = {
  readonly loaded: number
  readonly skipped: number
}

const EVENTS_PER_CALL = 500

/** Events may have megabytes each: a call holds no more of them than this, and the one that passes it. */
const BYTES_PER_CALL = 8 * 1024 * 1024

/**
 * Puts the events of NDJSON lines on their streams, byte for byte. Lines of other collections, and what is no
 * event, are skipped: there is no stream that they belong to. Returns how many.
 */
export async function loadLines(
  lines: AsyncIterable<Buffer>,
  sink: EventSink,
  told: (progress: LoadProgress) => void,
  signal: AbortSignal,
): Promise<{ readonly skipped: number }> {
  let batch: { type: EventType; data: Buffer }[] = []
  let bytes = 0
  let loaded = 0
  let skipped = 0
  const flush = async () => {
    signal.throwIfAborted()
    await sink.add(batch)
    loaded += batch.length
    batch = []
    bytes = 0
    told({ loaded, skipped })
  }
  for await (const read of lines) {
    const line = withoutMark(read)
    const type = routeEvent(line.toString())
    if (type === undefined) skipped += 1
    else batch.push({ type, data: line })
    bytes += type === undefined ? 0 : line.length
    if (batch.length === EVENTS_PER_CALL || bytes >= BYTES_PER_CALL) await flush()
  }
  if (batch.length > 0) await flush()
  return { skipped }
}

/** Puts a number of made events on the streams, at a rate of so many a second where one is given. */
export async function loadGenerated(
  events: Iterator<{ readonly type: EventType; readonly data: string }>,
  { count, ratePerSecond }: { readonly count: number; readonly ratePerSecond: number | undefined },
  sink: EventSink,
  told: (progress: LoadProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = Date.now()
  const perCall =
    ratePerSecond === undefined ? EVENTS_PER_CALL : Math.ceil(Math.min(EVENTS_PER_CALL, ratePerSecond / 10))
  for (let loaded = 0; loaded < count; ) {
    signal.throwIfAborted()
    const batch = take(events, Math.min(perCall, count - loaded))
    await sink.add(batch)
    loaded += batch.length
    told({ loaded, skipped: 0 })
    if (ratePerSecond !== undefined) {
      const dueMs = startedAt + (loaded / ratePerSecond) * 1000 - Date.now()
      if (dueMs > 0 && loaded < count) await sleep(dueMs, undefined, { signal })
    }
  }
}

/** Some editors begin a file with a byte order mark, which is no part of its first event. */
function withoutMark(line: Buffer): Buffer {
  return line.subarray(0, 3).equals(BYTE_ORDER_MARK) ? line.subarray(3) : line
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

const NEWLINE = 10

/** A buffer's lines. Splits at \n only: a JSON text may hold U+2028, which a line reader would split at. */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, end)])
      parts = []
      start = end + 1
      if (line.length > 0) yield line
    }
    parts.push(chunk.subarray(start))
  }
  const line = Buffer.concat(parts)
  if (line.length > 0) yield line
}

function take<Item>(items: Iterator<Item>, count: number): Item[] {
  const taken: Item[] = []
  for (let next = items.next(); !next.done; next = items.next()) {
    taken.push(next.value)
    if (taken.length === count) break
  }
  return taken
}
