import type { Job, Queue } from 'bullmq'
import { z } from 'zod'

import type { EndState, ErrorNote } from '../engine/run-event.ts'
import { runJob } from './jobs.ts'
import { doneOf } from './part-jobs.ts'
import { partId } from './queue-names.ts'

/** A run as the queue knows it. It forgets one an hour after its end. */
export type QueuedRun = {
  readonly runId: string
  readonly state: 'Scheduled' | 'Running' | EndState
  readonly parts: readonly { readonly part: unknown; readonly done: unknown }[]
  readonly durationMs?: number
  readonly result?: unknown
  readonly error?: ErrorNote
}

const ended = z.object({
  state: z.enum(['Completed', 'Failed', 'TimedOut', 'Cancelled', 'Crashed']),
  durationMs: z.number(),
  result: z.unknown().optional(),
  error: z.custom<ErrorNote>().optional(),
})

/** A run, from its job and those of its parts. */
export async function readRun(queue: Queue, job: Job, runId: string): Promise<QueuedRun> {
  const state = await job.getState()
  const { plan = [], startedAt } = runJob.parse(job.data)
  if (state === 'completed') {
    const { state, durationMs, result, error } = ended.parse((await queue.getJob(runId))?.returnvalue)
    return { runId, state, parts: [], durationMs, result, ...(error !== undefined && { error }) }
  }
  if (state === 'failed') {
    return {
      runId,
      state: 'Crashed',
      parts: [],
      error: { message: job.failedReason ?? 'the run was given up' },
    }
  }
  const parts = await Promise.all(
    plan.map(async (part, number) => {
      const child = await queue.getJob(partId(runId, number))
      return { part, done: child && doneOf(child) }
    }),
  )
  return { runId, state: startedAt === undefined ? 'Scheduled' : 'Running', parts }
}
