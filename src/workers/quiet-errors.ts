import type { RunLogger } from '../engine/flow.ts'

const AGAIN_AFTER_MS = 60_000

/** Reasons that are remembered; a hundred others at once are no reasons, but texts that differ in what they name. */
const REASONS_MAX = 100

/**
 * Errors of the queue's connection, told once a minute: BullMQ tells each of them anew, and thousands a second
 * where its Redis refuses.
 */
export class QuietErrors {
  readonly #log: RunLogger
  readonly #told = new Map<string, { readonly at: number; count: number }>()

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
    if (before === undefined && this.#told.size >= REASONS_MAX) this.#told.clear()
    const again = before === undefined || before.count === 0 ? '' : ` (${before.count} times more since then)`
    this.#log.warning(`The queue's Redis: ${reason}${again}`)
    this.#told.set(reason, { at: Date.now(), count: 0 })
  }
}

/** Redis is there and does not want to: it is full, cannot save, has too few replicas, became one, or denies a right. */
export function isRefusal(error: Error): boolean {
  return error.name === 'ReplyError'
}

/** The first line, without what differs from one time to the next: ids, numbers. */
function reasonOf(error: Error): string {
  const [line = ''] = error.message.split('\n')
  if (/\bOOM\b/.test(line)) return 'it is full and refuses writes (OOM)'
  if ('code' in error && typeof error.code === 'string') return error.code
  return line
    .replace(/ script: \S+.*/, '')
    .replaceAll(/\S*\d\S*/g, '…')
    .slice(0, 200)
}
