import { setTimeout as sleep } from 'node:timers/promises'

import { toError } from './errors.ts'

export type TaskOptions = {
  /** The delays before each retry, in milliseconds: as many retries as delays. */
  readonly retryDelaysMs: readonly number[]
  /** Whether an error may pass by itself. */
  readonly retryIf: (error: Error) => boolean
  /** Whether something was done since the last error: then the delays begin anew. */
  readonly hasMoved: () => boolean
  readonly onRetry: (error: Error, delayMs: number) => void
}

/**
 * A task is a policy laid over a function: it is called again after errors that may pass. It has no time limit
 * of its own, because a promise cannot be stopped, and a retry beside an attempt that still runs would do
 * everything twice: limits stand where work can be stopped, in the commands' timeouts and the flow's signal.
 */
export async function task<Result>(
  { retryDelaysMs, retryIf, hasMoved, onRetry }: TaskOptions,
  signal: AbortSignal,
  body: () => Promise<Result>,
): Promise<Result> {
  for (let retry = 0; ; retry += 1) {
    try {
      return await body()
    } catch (thrown) {
      const error = toError(thrown)
      if (hasMoved()) retry = 0
      const delayMs = retryDelaysMs[retry]
      if (signal.aborted || delayMs === undefined || !retryIf(error)) throw error
      onRetry(error, delayMs)
      await sleep(delayMs, undefined, { signal })
    }
  }
}
