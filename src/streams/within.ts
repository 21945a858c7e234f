import { toError } from '../engine/errors.ts'

/**
 * Waits for an answer so long at most, and no longer than the signal lets: one that is lost never comes. The
 * call goes on all the same; whoever gives up on it drops its connection.
 */
export async function within<Answer>(
  ms: number,
  call: Promise<Answer>,
  signal?: AbortSignal,
): Promise<Answer> {
  let giveUp: (why: Error) => void = () => undefined
  const gaveUp = new Promise<never>((_, reject) => {
    giveUp = reject
  })
  const limit = setTimeout(() => giveUp(new Error(`no answer within ${ms / 1000} s`)), ms)
  const abort = () => giveUp(toError(signal?.reason))
  signal?.addEventListener('abort', abort)
  try {
    if (signal?.aborted) abort()
    return await Promise.race([call, gaveUp])
  } finally {
    clearTimeout(limit)
    signal?.removeEventListener('abort', abort)
  }
}
