import { setTimeout as sleep } from 'node:timers/promises'

import { type RedisAddress, whereIs } from './connect.ts'
import { redisError } from './redis-errors.ts'

const FIRST_DELAY_MS = 50

/** A Redis that was restarted is found within a second. */
const LAST_DELAY_MS = 1_000

export type OutageOptions = {
  readonly address: RedisAddress
  readonly key: string
  readonly told: (message: string) => void
}

/** The time in which a Redis does not do what it is asked to: what is told of it, and how long to wait before each try. */
export class Outage {
  readonly #options: OutageOptions
  #delayMs = FIRST_DELAY_MS
  #isTold = false

  constructor(options: OutageOptions) {
    this.#options = options
  }

  /** Redis did it. */
  over(): void {
    this.#delayMs = FIRST_DELAY_MS
    this.#isTold = false
  }

  /**
   * Waits before the next try, or until the signal is aborted. A server that is away comes back by itself; one
   * that says no may need a person, and that is told once.
   */
  async wait(thrown: unknown, signal: AbortSignal): Promise<void> {
    const { address, key, told } = this.#options
    const error = redisError(thrown, whereIs(address), key)
    if (error.code !== 'redis-unreachable' && !this.#isTold) {
      this.#isTold = true
      told(`${error.message} The events of runs wait for it.`)
    }
    await sleep(this.#delayMs, undefined, { signal }).catch(() => undefined)
    this.#delayMs = Math.min(LAST_DELAY_MS, this.#delayMs * 2)
  }
}
