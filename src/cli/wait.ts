import { z } from 'zod'

import type { DataWriterResult } from '../flows/data-writer.ts'
import { drainCounts } from '../flows/drain-report.ts'
import { rangePart } from '../flows/plan-ranges.ts'
import type { WatchedQueue } from '../service/queue.ts'
import type { CliContext } from './context.ts'
import { Progress } from './progress.ts'
import { type EndedRun, progressLine } from './run-report.ts'

type Waited = Awaited<ReturnType<WatchedQueue['wait']>>

const progressOfParts = z.array(z.object({ part: rangePart, done: drainCounts.optional() }))

/**
 * Waits for a run of data-writer in the queue, with progress on a terminal. Ctrl-C ends the waiting, says that
 * the run goes on, and throws.
 */
export async function waitWithProgress(
  queue: Pick<WatchedQueue, 'wait'>,
  runId: string,
  context: CliContext,
): Promise<EndedRun> {
  const progress = new Progress(context.showsProgress)
  const startedAt = Date.now()
  const onLook = ({ state, parts }: Waited) => {
    const known = progressOfParts.safeParse(parts)
    if (state === 'Scheduled') progress.show('waiting for a worker')
    else if (known.success)
      progress.show(
        progressLine(
          known.data.map(it => ({ part: it.part, done: it.done })),
          Date.now() - startedAt,
        ),
      )
  }
  try {
    const warn = (message: string) => {
      progress.clear()
      context.tell(message)
    }
    return endedOf(await queue.wait(runId, { onLook, warn, signal: context.signal }))
  } catch (error) {
    progress.clear()
    if (context.signal.aborted) context.tell(`Run ${runId} goes on without being watched.`)
    throw error
  } finally {
    progress.clear()
  }
}

const resultOfRun = z.object({
  types: z.record(z.string(), drainCounts),
  remaining: z.number(),
  failed: z.record(z.string(), z.object({ message: z.string() }).loose()),
})

function endedOf({ runId, state, durationMs = 0, result, error }: Waited): EndedRun {
  if (state === 'Scheduled' || state === 'Running') throw new Error(`the run ${runId} has not ended`)
  const known = resultOfRun.safeParse(result)
  return {
    runId,
    state,
    durationMs,
    ...(known.success && { result: known.data as DataWriterResult }),
    ...(error !== undefined && { error }),
  }
}
