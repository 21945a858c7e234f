import { randomUUID } from 'node:crypto'

import { FlowProducer, Queue } from 'bullmq'
import { answerWithin, closeWithin } from './close-within.ts'
import { KEPT, type RunJob } from './jobs.ts'
import { deploymentOf, QUEUE, type QueueAddress, queueOptions } from './queue-names.ts'
import { type QueuedRun, readRun } from './queued-run.ts'

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
  /** BullMQ would wait for its first connection for ever; a lost one fails each command by itself. */
  const whenReady = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
    await answerWithin(queue.waitUntilReady(), READY_LIMIT_MS)
    return await call()
  }
  const calls = {
    add: async (flow: string, params: unknown) => {
      const runId = randomUUID()
      await queue.add(flow, newRun(params), { ...KEPT, jobId: runId })
      return runId
    },
    addInTurn: async (flow: string, params: readonly unknown[]) => {
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
    addOfDeployment: async (flow: string, params: unknown) => {
      const runId = randomUUID()
      const data: RunJob = { ...newRun(params), isDeployment: true }
      const deduplication = { id: deploymentOf(flow) }
      const job = await queue.add(flow, data, { ...KEPT, jobId: runId, deduplication })
      return job.id === runId ? runId : undefined
    },
    read: async (runId: string) => {
      const job = await queue.getJob(runId)
      return job === undefined ? undefined : await readRun(queue, job, runId)
    },
    remove: async (runIds: readonly string[]) => {
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
    nextAt: async (flow: string) => (await queue.getJobScheduler(deploymentOf(flow)))?.next,
  }
  return {
    add: (flow, params) => whenReady(() => calls.add(flow, params)),
    addInTurn: (flow, params) => whenReady(() => calls.addInTurn(flow, params)),
    addOfDeployment: (flow, params) => whenReady(() => calls.addOfDeployment(flow, params)),
    read: runId => whenReady(() => calls.read(runId)),
    remove: runIds => whenReady(() => calls.remove(runIds)),
    counts: () => whenReady(calls.counts),
    nextAt: flow => whenReady(() => calls.nextAt(flow)),
    close: async () => {
      await Promise.allSettled([closeWithin(queue, CLOSE_LIMIT_MS), closeWithin(chains, CLOSE_LIMIT_MS)])
    },
  }
}

const READY_LIMIT_MS = 5_000

const CLOSE_LIMIT_MS = 1_000

function newRun(params: unknown): RunJob {
  return { params, dueAt: Date.now(), isDeployment: false }
}
