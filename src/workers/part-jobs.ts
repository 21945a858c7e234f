import type { Job } from 'bullmq'

import type { CarriedFlow } from '../engine/carried-flow.ts'
import type { PartEnd, RunLogger } from '../engine/flow.ts'
import { partJob } from './jobs.ts'

/** How often a part's progress goes to Redis. What a worker that dies did since then counts for nobody. */
const TOLD_EVERY_MS = 1_000

/**
 * Does a part of a run that this worker took from the queue. It ends Cancelled where the worker is stopped: the
 * part then goes back, with what was done of it, and the next worker goes on.
 */
export async function carryPart(
  flow: CarriedFlow,
  job: Job,
  { log, signal }: { readonly log: RunLogger; readonly signal: AbortSignal },
): Promise<PartEnd<unknown, unknown>> {
  const { runId, startedAt, part } = partJob.parse(job.data)
  const done = doneOf(job)
  const before = done === undefined ? {} : { before: done }
  const progress = new ToldProgress(job)
  const isTakenOver = job.stalledCounter > 0
  if (isTakenOver) log.warning(`run ${runId}: a worker died at a part of it, which this one takes over.`)
  const start = { runId, startedAt, part, isTakenOver, ...before }
  const end = await flow.work(start, { log, signal, told: done => progress.tell(done) })
  await progress.close(end.done)
  return end
}

/** What was done of a part, as its workers told; undefined where none has told anything. */
export function doneOf({ progress }: Job): unknown {
  return typeof progress === 'object' && 'done' in progress ? progress.done : undefined
}

/** Sends the newest progress of a job, at most once a second and one at a time. Nothing waits for it. */
class ToldProgress {
  readonly #job: Job
  #toldAt = 0
  #sending: Promise<void> = Promise.resolve()
  #isSending = false

  constructor(job: Job) {
    this.#job = job
  }

  tell(done: unknown): void {
    if (this.#isSending || Date.now() - this.#toldAt < TOLD_EVERY_MS) return
    this.#send(done)
  }

  /** Sends the last one, unless the queue is away: it is then in the part's result alone. */
  async close(done: unknown): Promise<void> {
    await this.#sending
    if (done !== undefined) this.#send(done)
    await this.#sending
  }

  #send(done: unknown): void {
    this.#toldAt = Date.now()
    this.#isSending = true
    this.#sending = this.#job.updateProgress({ done }).then(
      () => {
        this.#isSending = false
      },
      () => {
        this.#isSending = false
      },
    )
  }
}
