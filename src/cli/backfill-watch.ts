import { toError } from '../engine/errors.ts'
import type { Window } from '../flows/windows.ts'
import type { WatchedQueue } from '../service/queue.ts'
import type { WindowEnd } from './backfill-report.ts'
import { BackfillView } from './backfill-view.ts'
import type { CliContext } from './context.ts'
import type { EndedRun } from './run-report.ts'
import { waitWithProgress } from './wait.ts'

type Queue = Pick<WatchedQueue, 'wait' | 'remove'>

export type QueuedWindow = { readonly window: Window; readonly runId: string }

/**
 * Waits for windows in the queue, one after the other, and shows how far they are: on a terminal by a progress
 * line, else by a line for each. After the first Ctrl-C it takes those that nobody has begun out of the queue and
 * waits for the one in hand.
 */
export async function watchWindows(
  queue: Queue,
  windows: readonly QueuedWindow[],
  { json }: { readonly json?: boolean },
  context: CliContext,
): Promise<readonly WindowEnd[]> {
  const view = new BackfillView(windows.length, context, !json && !context.showsProgress)
  const interruption = new Interruption(queue, windows, view.tell, context.signal)
  const ends: WindowEnd[] = []
  try {
    for (const each of windows) {
      const ended = await endOf(each.runId, queue, interruption, { ...context, ...view.quiet }, view)
      const end = { ...each, ...(ended !== undefined && { ended }) }
      ends.push(end)
      view.ended(end)
    }
    return ends
  } finally {
    view.clear()
    interruption.close()
  }
}

/** Undefined where the window was taken out of the queue, or is not waited for any longer. */
async function endOf(
  runId: string,
  queue: Queue,
  interruption: Interruption,
  context: CliContext,
  view: BackfillView,
): Promise<EndedRun | undefined> {
  if (await interruption.hasTaken(runId)) return undefined
  const { wait } = queue
  const watched: Queue['wait'] = (id, options) => wait(id, { ...options, onLook: run => view.look(run) })
  try {
    return await waitWithProgress({ wait: watched }, runId, { ...context, signal: interruption.leave })
  } catch (thrown) {
    if (await interruption.hasTaken(runId)) return undefined
    return { runId, state: 'Crashed', durationMs: 0, error: { message: toError(thrown).message } }
  }
}

/** The first Ctrl-C. The second one ends the process, wherever this is. */
class Interruption {
  readonly #leave = new AbortController()
  readonly #taken = new Set<string>()
  readonly #signal: AbortSignal
  readonly #begin: () => void
  #taking: Promise<void> | undefined

  constructor(
    queue: Queue,
    windows: readonly QueuedWindow[],
    tell: (message: string) => void,
    signal: AbortSignal,
  ) {
    this.#signal = signal
    this.#begin = () => {
      this.#taking ??= this.#take(queue, windows, tell)
    }
    signal.addEventListener('abort', this.#begin)
    if (signal.aborted) this.#begin()
  }

  /** Aborted when nobody waits any longer, since the queue cannot be told. */
  get leave(): AbortSignal {
    return this.#leave.signal
  }

  async hasTaken(runId: string): Promise<boolean> {
    await this.#taking
    return this.#taken.has(runId) || this.#leave.signal.aborted
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#begin)
  }

  async #take(
    queue: Queue,
    windows: readonly QueuedWindow[],
    tell: (message: string) => void,
  ): Promise<void> {
    tell(
      'Interrupted: the windows that nobody has begun are taken out of the queue, and the one in hand is waited for. Ctrl-C again leaves at once; what is then in the queue goes on.',
    )
    try {
      for (const runId of await queue.remove(windows.map(it => it.runId))) this.#taken.add(runId)
    } catch (error) {
      tell(`The queue does not answer (${toError(error).message}): the windows that are in it go on.`)
      this.#leave.abort(error)
    }
  }
}
