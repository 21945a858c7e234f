const BAR_WIDTH = 24

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
    // A line that breaks could not be written over.
    process.stderr.write(`\r\u001b[K${text.slice(0, Math.max(0, process.stderr.columns - 1))}`)
  }

  /** Clears the line, so that what comes next stands alone. */
  clear(): void {
    if (this.#isOpen) process.stderr.write('\r\u001b[K')
    this.#isOpen = false
  }
}

/** `[#########···············]  38 %` */
export function bar(done: number, of: number): string {
  const share = of === 0 ? 1 : Math.min(1, done / of)
  const filled = Math.floor(share * BAR_WIDTH)
  return `[${'#'.repeat(filled).padEnd(BAR_WIDTH, '·')}] ${String(Math.floor(share * 100)).padStart(3)} %`
}
