import { OperatingError } from '../engine/errors.ts'
import type { StreamConnection, StreamsPort } from '../flows/streams-port.ts'
import { idsOfWindow } from '../flows/time-window.ts'
import type { Window } from '../flows/windows.ts'
import type { EventType } from '../records/event-type.ts'
import { millisecondsOf, nextId } from '../records/stream-entry.ts'

export type CountWatch = {
  readonly signal: AbortSignal
  /** Told of the entries that were counted so far, after each read. */
  readonly onRead: (entries: number) => void
}

/** XRANGE has no form that leaves the entries out: pages of this size keep Redis for about a millisecond. */
const PAGE_ENTRIES = 2_000

/**
 * Counts the entries of a type in each of several windows, which follow each other. Reads the stream once, page
 * by page, and changes nothing there. Throws the signal's reason, or what Redis says.
 */
export async function countWindows(
  streams: StreamsPort,
  { type, windows }: { readonly type: EventType; readonly windows: readonly Window[] },
  { signal, onRead }: CountWatch,
): Promise<readonly number[]> {
  const tally = new Tally(windows)
  const { to } = idsOfWindow({ to: windows.at(-1)?.to })
  let { from } = idsOfWindow({ from: windows[0]?.from })
  let entries = 0
  const readOn = async (connection: StreamConnection): Promise<void> => {
    for (;;) {
      signal.throwIfAborted()
      const page = await connection.read({ from, to }, PAGE_ENTRIES)
      const last = page.at(-1)
      if (last === undefined) return
      for (const { id } of page) tally.add(millisecondsOf(id))
      from = nextId(last.id)
      entries += page.length
      onRead(entries)
    }
  }
  let isAtEnd = windows.length === 0
  while (!isAtEnd) {
    // Where a page was too large, the next connection asks for fewer entries, behind those that are counted.
    isAtEnd = await isReadToEnd(await streams.connect(type), readOn, signal)
  }
  return tally.counts
}

/** False where a page was too large for its connection. */
async function isReadToEnd(
  connection: StreamConnection,
  readOn: (connection: StreamConnection) => Promise<void>,
  signal: AbortSignal,
): Promise<boolean> {
  const close = () => void connection.close()
  signal.addEventListener('abort', close)
  try {
    await readOn(connection)
    return true
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof OperatingError && error.code === 'reply-too-large') return false
    throw error
  } finally {
    signal.removeEventListener('abort', close)
    await connection.close()
  }
}

/** Entries come in the order of their ids, and so do the windows. */
class Tally {
  readonly counts: number[]
  readonly #ends: readonly number[]
  #at = 0

  constructor(windows: readonly Window[]) {
    this.counts = windows.map(() => 0)
    this.#ends = windows.map(({ to }) => to.toMillis())
  }

  add(milliseconds: number): void {
    while (milliseconds >= (this.#ends[this.#at] ?? Number.POSITIVE_INFINITY)) this.#at += 1
    this.counts[this.#at] = (this.counts[this.#at] ?? 0) + 1
  }
}
