import { Worker } from 'node:worker_threads'

import type { Env } from './config.ts'
import { type ErrorCode, OperatingError } from './engine/errors.ts'
import type { RunDrain } from './flows/data-writer.ts'
import type { DrainCounts } from './flows/drain-report.ts'
import type { DrainRequest } from './flows/drain-setting.ts'

export type ToThread =
  | { readonly kind: 'drain'; readonly request: DrainRequest }
  | { readonly kind: 'abort'; readonly reason: string }
  | { readonly kind: 'stop' }

export type FromThread =
  | { readonly kind: 'counts'; readonly counts: DrainCounts }
  /** `isOfThread`: about the thread itself, which every other one finds too. */
  | { readonly kind: 'warning'; readonly message: string; readonly isOfThread: boolean }
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed'
      readonly message: string
      readonly stack: string | undefined
      readonly code: ErrorCode | undefined
    }

/**
 * Worker threads that drain, `size` at most, each started when it is first needed. A drain is a whole one
 * there, from its Redis connection to its commits, so that entries are never copied between threads, and
 * encoding never holds up the thread that shows progress and hears signals.
 */
export class DrainPool {
  readonly #env: Env
  readonly #size: number
  readonly #idle: Worker[] = []
  readonly #all = new Set<Worker>()
  readonly #waiting: ((worker: Worker) => void)[] = []
  readonly #warned = new Set<string>()

  constructor({ env, size }: { env: Env; size: number }) {
    this.#env = env
    this.#size = size
  }

  drain: RunDrain = async (request, told, signal) => {
    const worker = await this.#take()
    try {
      signal.throwIfAborted()
      await runIn(worker, request, told, message => this.#warnOnce(message, told.warn), signal)
    } finally {
      this.#giveBack(worker)
    }
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#all].map(async worker => {
        const exited = new Promise(resolve => worker.once('exit', resolve))
        worker.postMessage({ kind: 'stop' } satisfies ToThread)
        await exited
      }),
    )
  }

  /** Each thread finds for itself that DuckDB does not load: one of them is enough to say so. */
  #warnOnce(message: string, warn: (message: string) => void): void {
    if (this.#warned.has(message)) return
    this.#warned.add(message)
    warn(message)
  }

  async #take(): Promise<Worker> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    if (this.#all.size < this.#size) return this.#start()
    return await new Promise(resolve => this.#waiting.push(resolve))
  }

  #start(): Worker {
    const worker = new Worker(new URL('./drain-thread.js', import.meta.url), {
      workerData: { env: this.#env },
    })
    this.#all.add(worker)
    const forget = () => {
      this.#all.delete(worker)
      if (this.#idle.includes(worker)) this.#idle.splice(this.#idle.indexOf(worker), 1)
    }
    // An error comes before the exit: nobody may be given a thread that is dying.
    worker.on('error', forget).on('exit', forget)
    return worker
  }

  #giveBack(worker: Worker): void {
    const usable = this.#all.has(worker) ? worker : undefined
    const next = this.#waiting.shift()
    if (next !== undefined) next(usable ?? this.#start())
    else if (usable !== undefined) this.#idle.push(usable)
  }
}

/** A thread that dies takes its uncommitted work with it, and nothing else: the entries are on the stream. */
async function runIn(
  worker: Worker,
  request: DrainRequest,
  told: Parameters<RunDrain>[1],
  warnOnce: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const tell = (message: ToThread) => worker.postMessage(message)
  const abort = () => tell({ kind: 'abort', reason: String(signal.reason) })
  signal.addEventListener('abort', abort, { once: true })
  let exited: (code: number) => void = () => undefined
  let failed: (error: Error) => void = () => undefined
  try {
    await new Promise<void>((resolve, reject) => {
      worker.removeAllListeners('message')
      worker.on('message', (message: FromThread) => {
        if (message.kind === 'counts') told.counts(message.counts)
        else if (message.kind === 'warning') (message.isOfThread ? warnOnce : told.warn)(message.message)
        else if (message.kind === 'done') resolve()
        else reject(errorOf(message))
      })
      failed = reject
      worker.once('error', failed)
      exited = code => reject(new Error(`a drain thread ended with code ${code}`))
      worker.once('exit', exited)
      tell({ kind: 'drain', request })
    })
  } finally {
    signal.removeEventListener('abort', abort)
    worker.off('exit', exited)
    worker.off('error', failed)
  }
}

function errorOf({ message, stack, code }: FromThread & { kind: 'failed' }): Error {
  if (code !== undefined) return new OperatingError(code, message)
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
