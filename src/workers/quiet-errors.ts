import type { RunLogger } from '../engine/flow.ts'

const AGAIN_AFTER_MS = 60_000

/**
 * Errors of the queue's connection, told once a minute: BullMQ tells each of them anew, and hundreds a second
 * where its Redis is full.
 */
export class QuietErrors {
  readonly #log: RunLogger
  readonly #told = new Map<string, { at: number; count: number }>()

  constructor(log: RunLogger) {
    this.#log = log
  }

  tell(error: Error): void {
    const reason = reasonOf(error)
    const before = this.#told.get(reason)
    if (before !== undefined && Date.now() - before.at < AGAIN_AFTER_MS) {
      before.count += 1
      return
    }
    const again = before === undefined || before.count === 0 ? '' : ` (${before.count} times more since then)`
    this.#log.warning(`The queue's Redis: ${reason}${again}`)
    this.#told.set(reason, { at: Date.now(), count: 0 })
  }
}

/** Redis is at its limit and refuses every write. */
export function isFull(error: Error): boolean {
  return /\bOOM\b/.test(error.message)
}

/** The first line, without what differs from one time to the next. */
function reasonOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const [line = ''] = error.message.split('\n')
  if (isFull(error)) return 'it is full and refuses writes (OOM)'
  return (code ?? line.replace(/ script: \S+.*/, '')).slice(0, 200)
}
