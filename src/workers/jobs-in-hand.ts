/** Work on a job, and how to stop it. */
type InHand = { readonly controller: AbortController; readonly ended: Promise<unknown> }

/**
 * The jobs that this worker is at. While Redis is away their locks run out; when it is back, BullMQ gives such a job
 * to whoever asks, and that may be the very worker which is still at it. Two copies of one job would end, renew and
 * lose each other's locks, so the first is stopped before a second one begins.
 */
export class JobsInHand {
  readonly #jobs = new Map<string, InHand>()

  /** Stops a job whose lock is lost. */
  stop(id: string): void {
    this.#jobs.get(id)?.controller.abort(new Error('the job was lost to another worker'))
  }

  /** Does the work on a job, unless this worker is at it already: then stops that, waits for its end, and returns `twice`. */
  async take<Result>(
    id: string,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<{ readonly result: Result } | 'twice'> {
    const first = this.#jobs.get(id)
    if (first !== undefined) {
      this.stop(id)
      await first.ended.catch(() => undefined)
      return 'twice'
    }
    const controller = new AbortController()
    const ended = work(controller.signal)
    this.#jobs.set(id, { controller, ended })
    try {
      return { result: await ended }
    } finally {
      this.#jobs.delete(id)
    }
  }
}
