import { randomUUID } from 'node:crypto'

import { FlowProducer, type Job, Queue } from 'bullmq'
import { z } from 'zod'

import type { EndState, ErrorNote } from '../engine/run-event.ts'
import { KEPT, type RunJob, runJob } from './jobs.ts'
import { doneOf } from './part-jobs.ts'
import { deploymentOf, partId, QUEUE, type QueueAddress, queueOptions } from './queue-names.ts'

/** A run as the queue knows it. It forgets one an hour after its end. */
export type QueuedRun = {
  readonly runId: string
  readonly state: 'Scheduled' | 'Running' | EndState
  readonly parts: readonly { readonly part: unknown; readonly done: unknown }[]
  readonly durationMs?: number
  readonly result?: unknown
  readonly error?: ErrorNote
}

export type QueueCounts = {
  readonly workers: number
  /** Jobs that wait for a worker. */
  readonly waiting: number
}

export type RunQueue = {
  /** Puts a run in the queue. Returns its id. */
  readonly add: (flow: string, params: unknown) => Promise<string>
  /** Puts runs in the queue of which each begins when the one before it has ended. Returns their ids, in order. */
  readonly addInTurn: (flow: string, params: readonly unknown[]) => Promise<readonly string[]>
  /** Asks for a run of the flow's deployment. Undefined where one is on its way already. */
  readonly addOfDeployment: (flow: string, params: unknown) => Promise<string | undefined>
  /** Undefined where the queue does not know the run, or no longer. */
  readonly read: (runId: string) => Promise<QueuedRun | undefined>
  /**
   * Takes runs out of the queue that nobody has begun, and leaves the others as they are. Returns the ids of those
   * that it took, in the order given: for runs in turn, the oldest first.
   */
  readonly remove: (runIds: readonly string[]) => Promise<readonly string[]>
  readonly counts: () => Promise<QueueCounts>
  /** When the schedule's next run of a flow is due, in milliseconds since 1970; undefined where none is set. */
  readonly nextAt: (flow: string) => Promise<number | undefined>
  readonly close: () => Promise<void>
}

/** For those who only ask: each call fails within seconds where the queue's Redis is away. */
export function openRunQueue(address: QueueAddress): RunQueue {
  const options = queueOptions(address, 'asks')
  const queue = new Queue(QUEUE, options)
  const chains = new FlowProducer(options)
  // Every call fails by itself, so that there is nothing to add here.
  queue.on('error', () => undefined)
  chains.on('error', () => undefined)
  return {
    add: async (flow, params) => {
      const runId = randomUUID()
      await queue.add(flow, newRun(params), { ...KEPT, jobId: runId })
      return runId
    },
    addInTurn: async (flow, params) => {
      const runIds = params.map(() => randomUUID())
      const [first, ...rest] = params.map((each, at) => ({
        name: flow,
        queueName: QUEUE,
        data: newRun(each),
        opts: { ...KEPT, jobId: runIds[at] ?? '', ignoreDependencyOnFailure: true },
      }))
      if (first === undefined) return []
      await chains.add(rest.reduce<typeof first>((before, job) => ({ ...job, children: [before] }), first))
      return runIds
    },
    addOfDeployment: async (flow, params) => {
      const runId = randomUUID()
      const data: RunJob = { ...newRun(params), isDeployment: true }
      const deduplication = { id: deploymentOf(flow) }
      const job = await queue.add(flow, data, { ...KEPT, jobId: runId, deduplication })
      return job.id === runId ? runId : undefined
    },
    read: async runId => {
      const job = await queue.getJob(runId)
      return job === undefined ? undefined : await readRun(queue, job, runId)
    },
    remove: async runIds => {
      const removed: string[] = []
      // The last one first: where the run before it goes, a run's turn has come, and a worker begins it.
      for (const runId of runIds.toReversed()) {
        const job = await queue.getJob(runId)
        // A run that waits for its parts has no lock: BullMQ would take it away under them.
        if (job === undefined || job.processedOn !== undefined) continue
        if ((await queue.remove(runId, { removeChildren: false })) === 1) removed.push(runId)
      }
      return removed.reverse()
    },
    counts: async () => {
      const [workers, waiting] = await Promise.all([
        queue.getWorkersCount(),
        queue.getJobCountByTypes('waiting', 'prioritized'),
      ])
      return { workers, waiting }
    },
    nextAt: async flow => (await queue.getJobScheduler(deploymentOf(flow)))?.next,
    close: async () => {
      await Promise.allSettled([closeWithin(queue), closeWithin(chains)])
    },
  }
}

const CLOSE_LIMIT_MS = 1_000

/** A Redis that hangs must not keep who asked from ending. */
async function closeWithin(it: Pick<Queue, 'close' | 'disconnect'>): Promise<void> {
  const timer = setTimeout(() => void it.disconnect().catch(() => undefined), CLOSE_LIMIT_MS)
  await it.close().finally(() => clearTimeout(timer))
}

function newRun(params: unknown): RunJob {
  return { params, dueAt: Date.now(), isDeployment: false }
}

const ended = z.object({
  state: z.enum(['Completed', 'Failed', 'TimedOut', 'Cancelled', 'Crashed']),
  durationMs: z.number(),
  result: z.unknown().optional(),
  error: z.custom<ErrorNote>().optional(),
})

async function readRun(queue: Queue, job: Job, runId: string): Promise<QueuedRun> {
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
