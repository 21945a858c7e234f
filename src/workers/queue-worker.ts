import { type Job, Queue, WaitingError, Worker } from 'bullmq'

import type { CarriedFlow } from '../engine/carried-flow.ts'
import type { RunLogger } from '../engine/flow.ts'
import type { RunEvent } from '../engine/run-event.ts'
import { closeWithin } from './close-within.ts'
import { JobsInHand } from './jobs-in-hand.ts'
import { carryPart } from './part-jobs.ts'
import { partName, QUEUE, type QueueAddress, queueOptions, TICK } from './queue-names.ts'
import { isRefusal, QuietErrors } from './quiet-errors.ts'
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

/** How long a worker lets a Redis be that refuses. */
const REST_MS = 2_000

/** Takes runs and their parts from the queue. Waits for the queue's Redis however long that is away. */
export function startQueueWorker(options: QueueWorkerOptions): QueueWorker {
  const { address, flows, concurrency, name, log } = options
  const stopping = new AbortController()
  const inHand = new JobsInHand()
  const queue = new Queue(QUEUE, queueOptions(address, 'works'))
  const carry = (job: Job, token = '') => process(job, token)
  const worker = new Worker(QUEUE, carry, {
    ...queueOptions(address, 'works'),
    name,
    // A run beside the parts: it only plans and ends.
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
    if (isRefusal(error)) rest()
  })
  worker.on('lockRenewalFailed', ids => {
    for (const id of ids) inHand.stop(id)
  })
  worker.on('failed', (job, error) => job && gaveUp(job, error))
  const emit = (event: Omit<RunEvent, 'worker'>) => options.emit({ ...event, worker: name })

  async function process(job: Job, token: string): Promise<unknown> {
    const done = await inHand.take(job.id ?? '', lost => carryJob(job, token, lost))
    if (done !== 'twice') return done.result
    await job.moveToWait(token)
    throw new WaitingError()
  }

  async function carryJob(job: Job, token: string, lost: AbortSignal): Promise<unknown> {
    const signal = AbortSignal.any([stopping.signal, lost])
    try {
      if (job.name === TICK) return await runTick(job, { queue, flows, emit })
      const flow = flows.find(it => it.name === job.name || partName(it.name) === job.name)
      if (flow === undefined) throw new Error(`This worker knows no flow for the job '${job.name}'.`)
      if (flow.name === job.name) return await carryRun(flow, job, token, { queue, log, emit, signal })
      const end = await carryPart(flow, job, { log, signal })
      if (end.state !== 'Cancelled') return end
    } catch (error) {
      if (!signal.aborted || (error instanceof Error && error.name === 'WaitingChildrenError')) throw error
    }
    if (lost.aborted) throw lost.reason
    await job.moveToWait(token)
    throw new WaitingError()
  }

  let isResting = false
  /** BullMQ asks a Redis that refuses again and again, without a pause: half of a core was measured. */
  function rest(): void {
    if (isResting) return
    isResting = true
    void worker.pause(true).catch(() => undefined)
    setTimeout(() => {
      isResting = false
      if (!stopping.signal.aborted) void worker.resume()
    }, REST_MS).unref()
  }

  /** A run, not a part or tick: the parts that were given up are told by their run. */
  function gaveUp(job: Job, error: Error): void {
    log.warning(`The job ${job.name} ${job.id} was given up: ${error.message}`)
    if (job.id === undefined || job.name === TICK || job.name.endsWith('/part')) return
    const note = { message: `the run was given up: ${error.message}` }
    emit({ runId: job.id, flow: job.name, state: 'Crashed', time: new Date().toISOString(), error: note })
  }

  async function close(withinMs: number): Promise<void> {
    if (isResting) await worker.resume()
    const closing = closeWithin(worker, withinMs)
    stopping.abort(new Error('the worker is stopped'))
    if (!(await closing)) log.warning('Work in hand was let go; another worker takes it over.')
    await closeWithin(queue, 1_000)
  }

  return { close }
}
