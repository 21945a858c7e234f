/** What was opened last is closed first. Closing twice does nothing; every closer runs, whatever the others do. */
export class Closers {
  readonly #closers: (() => Promise<unknown> | unknown)[] = []

  /** Returns what was opened, so that opening and the promise to close it stand on one line. */
  add<Opened>(opened: Opened, close: (opened: Opened) => Promise<unknown> | unknown): Opened {
    this.#closers.push(() => close(opened))
    return opened
  }

  async close(): Promise<void> {
    const errors: unknown[] = []
    for (let close = this.#closers.pop(); close; close = this.#closers.pop()) {
      try {
        await close()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, 'several parts did not close')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
