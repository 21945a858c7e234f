/** One line on a terminal that is written over, at most ten times a second; nothing where nobody looks. */
export class Progress {
  readonly #shown: boolean
  #writtenAt = 0
  #isOpen = false

  constructor(shown: boolean) {
    this.#shown = shown
  }

  show(text: string, now = Date.now()): void {
    if (!this.#shown || now - this.#writtenAt < 100) return
    this.#writtenAt = now
    this.#isOpen = true
    process.stderr.write(`\r\u001b[K${text}`)
  }

  /** Clears the line, so that what comes next stands alone. */
  clear(): void {
    if (this.#isOpen) process.stderr.write('\r\u001b[K')
    this.#isOpen = false
  }
}
