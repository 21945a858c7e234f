import { setTimeout as sleep } from 'node:timers/promises'

import { z } from 'zod'

import { OperatingError, toError } from '../engine/errors.ts'
import type { QueuedRun } from './queued-run.ts'
import type { RunQueue } from './run-queue.ts'

export type WaitOptions = {
  /** Told at each look, so some times a second. */
  readonly onLook: (run: QueuedRun) => void
  readonly warn: (message: string) => void
  /** Aborted by who does not want to wait on; the run goes on. */
  readonly signal: AbortSignal
}

const LOOK_MS = 200

/** A queue that is away for longer is given up; the run itself may go on. */
const AWAY_MAX_MS = 600_000

/** Waits for the end of a run. Throws the signal's reason, or `run-unknown` where the queue has lost the run. */
export async function waitForRun(
  queue: Pick<RunQueue, 'read'>,
  runId: string,
  { onLook, warn, signal }: WaitOptions,
): Promise<QueuedRun> {
  let awaySince: number | undefined
  for (;;) {
    signal.throwIfAborted()
    try {
      const run = await unlessAborted(queue.read(runId), signal)
      awaySince = undefined
      if (run === undefined) {
        throw new OperatingError(
          'run-unknown',
          `The queue knows no run ${runId}, or no longer. bin/skydrain status shows the last runs.`,
        )
      }
      onLook(run)
      if (run.state !== 'Scheduled' && run.state !== 'Running') return run
    } catch (error) {
      if (signal.aborted || error instanceof OperatingError || isFault(error)) throw error
      if (awaySince === undefined)
        warn(`The queue does not answer (${toError(error).message}); waiting for it.`)
      awaySince ??= Date.now()
      if (Date.now() - awaySince > AWAY_MAX_MS) throw error
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
}

/** A Redis that hangs must not hold up who does not want to wait on. */
function unlessAborted<Found>(look: Promise<Found>, signal: AbortSignal): Promise<Found> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    look.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** A result of another shape, or a mistake of ours: neither passes by waiting. */
function isFault(error: unknown): boolean {
  return error instanceof TypeError || error instanceof z.ZodError
}
