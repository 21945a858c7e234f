import { type Job, Queue, WaitingError, Worker } from 'bullmq'

import type { CarriedFlow } from '../engine/carried-flow.ts'
import type { RunLogger } from '../engine/flow.ts'
import type { RunEvent } from '../engine/run-event.ts'
import { carryPart } from './part-jobs.ts'
import { partName, QUEUE, type QueueAddress, queueOptions, TICK } from './queue-names.ts'
import { isFull, QuietErrors } from './quiet-errors.ts'
import { carryRun, runTick } from './run-jobs.ts'

export type QueueWorkerOptions = {
  readonly address: QueueAddress
  readonly flows: readonly CarriedFlow[]
  /** Parts that it does side by side. */
  readonly concurrency: number
  /** Where it runs, as host:pid. */
  readonly name: string
  readonly log: RunLogger
  readonly emit: (event: RunEvent) => void
}

export type QueueWorker = {
  /**
   * Takes no new job, gives back the parts in hand once their batch or commit is over, and ends. With
   * `withinMs` over, it lets go of what is left: another worker takes that over when its lock has run out.
   */
  readonly close: (withinMs: number) => Promise<void>
}

/**
 * A job's lock: its worker renews it every half of this. One that died loses its jobs at the next look behind
 * it, so 15 + 10 seconds later at most. The main thread never blocks that long: encoding is done in threads.
 */
const LOCK_MS = 15_000
const STALLED_LOOK_MS = 10_000

/** A part at which so many workers died is given up: what kills them might be the part. */
const DEATHS_MAX = 3

/** How long a worker lets a full Redis be. */
const REST_MS = 2_000

/** Takes runs and their parts from the queue. Waits for the queue's Redis however long that is away. */
export function startQueueWorker(options: QueueWorkerOptions): QueueWorker {
  const { address, flows, concurrency, name, log } = options
  const stopping = new AbortController()
  const queue = new Queue(QUEUE, queueOptions(address, 'works'))
  const carry = (job: Job, token = '') => process(job, token)
  const worker = new Worker(QUEUE, carry, {
    ...queueOptions(address, 'works'),
    name,
    concurrency: concurrency + 1,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_LOOK_MS,
    maxStalledCount: DEATHS_MAX,
    runRetryDelay: 1_000,
  })
  const errors = new QuietErrors(log)
  queue.on('error', error => errors.tell(error))
  worker.on('error', error => {
    errors.tell(error)
    if (isFull(error)) rest()
  })
  worker.on('failed', (job, error) => job && gaveUp(job, error))
  const emit = (event: Omit<RunEvent, 'worker'>) => options.emit({ ...event, worker: name })

  async function process(job: Job, token: string): Promise<unknown> {
    const { signal } = stopping
    try {
      if (job.name === TICK) return await runTick(job, queue, flow => flows.some(it => it.name === flow))
      const flow = flows.find(it => it.name === job.name || partName(it.name) === job.name)
      if (flow === undefined) throw new Error(`This worker knows no flow for the job '${job.name}'.`)
      if (flow.name === job.name) return await carryRun(flow, job, token, { queue, log, emit, signal })
      const end = await carryPart(flow, job, { log, signal })
      if (end.state !== 'Cancelled') return end
    } catch (error) {
      if (!signal.aborted || (error instanceof Error && error.name === 'WaitingChildrenError')) throw error
    }
    await job.moveToWait(token)
    throw new WaitingError()
  }

  let isResting = false
  /** BullMQ asks a full Redis again and again, without a pause: 40 % of a core were measured. */
  function rest(): void {
    if (isResting) return
    isResting = true
    void worker.pause(true).catch(() => undefined)
    setTimeout(() => {
      isResting = false
      if (!stopping.signal.aborted) void worker.resume()
    }, REST_MS).unref()
  }

  /** A run, not a part: the parts that were given up are told by their run. */
  function gaveUp(job: Job, error: Error): void {
    log.warning(`The job ${job.name} ${job.id} was given up: ${error.message}`)
    const flow = flows.find(it => it.name === job.name)
    if (flow === undefined || job.id === undefined) return
    const note = { message: `the run was given up: ${error.message}` }
    emit({ runId: job.id, flow: flow.name, state: 'Crashed', time: new Date().toISOString(), error: note })
  }

  async function close(withinMs: number): Promise<void> {
    if (isResting) await worker.resume()
    const closing = worker.close()
    stopping.abort(new Error('the worker is stopped'))
    const isDone = await within(closing, withinMs)
    if (!isDone) log.warning('Work in hand was let go; another worker takes it over.')
    await within(Promise.allSettled([isDone ? undefined : worker.close(true), queue.close()]), 1_000)
  }

  return { close }
}

/** Whether something is done before the time is over. */
async function within(work: Promise<unknown>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), withinMs)
  })
  try {
    return await Promise.race([work.then(() => true), over])
  } finally {
    clearTimeout(timer)
  }
}
