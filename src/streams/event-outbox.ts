import type { Redis } from 'ioredis'

import { toError } from '../engine/errors.ts'
import type { RunEvent } from '../engine/run-event.ts'
import { connectRedis, whereIs } from './connect.ts'
import { Outage, type OutageOptions } from './outage.ts'
import { runEventText } from './run-event-text.ts'
import { within } from './within.ts'

/** Two events a run: the runs of more than a day at one in five minutes. */
const KEPT_MAX = 1_000

/** The stream holds about so many, the newest. */
const STREAM_ENTRIES = 10_000

/** What an XADD may take. Its lost answer must not hold up the events behind it for long. */
const ANSWER_WITHIN_MS = 10_000

/**
 * Events on their way to Redis, in order. One whose answer was lost is sent again, over a new connection: it may
 * then be there twice.
 */
export class EventOutbox {
  readonly #options: OutageOptions
  readonly #kept: string[] = []
  readonly #stop = new AbortController()
  #redis: Redis | undefined
  #delivering: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** Until the next event is delivered. */
  #isLossTold = false

  constructor(options: OutageOptions) {
    this.#options = options
  }

  add(event: RunEvent): void {
    if (this.#closing !== undefined) return
    const text = this.#textOf(event)
    if (text === undefined) return
    this.#kept.push(text)
    if (this.#kept.length > KEPT_MAX) this.#dropOldest()
    this.#delivering ??= this.#deliver()
  }

  close(withinMs: number): Promise<void> {
    this.#closing ??= this.#close(withinMs)
    return this.#closing
  }

  async #deliver(): Promise<void> {
    const outage = new Outage(this.#options)
    while (this.#kept.length > 0 && !this.#stop.signal.aborted) {
      try {
        await this.#sendOldest()
        outage.over()
        this.#isLossTold = false
      } catch (error) {
        this.#disconnect()
        await outage.wait(error, this.#stop.signal)
      }
    }
    this.#delivering = undefined
  }

  /** The oldest may be dropped while its answer is awaited: then another one is the oldest. */
  async #sendOldest(): Promise<void> {
    const { address, key } = this.#options
    const { signal } = this.#stop
    const [text] = this.#kept
    if (text === undefined) return
    this.#redis ??= await connectRedis(address, signal)
    const added = this.#redis.xadd(key, 'MAXLEN', '~', STREAM_ENTRIES, '*', 'event', text)
    await within(ANSWER_WITHIN_MS, added, signal)
    if (this.#kept[0] === text) this.#kept.shift()
  }

  async #close(withinMs: number): Promise<void> {
    const limit = setTimeout(() => this.#stop.abort(), withinMs)
    await this.#delivering
    clearTimeout(limit)
    this.#stop.abort()
    this.#disconnect()
    if (this.#kept.length > 0) {
      this.#options.told(
        `${this.#kept.length} events of runs did not reach Redis at ${this.#where()}: the history and Slack will not know of them. The data is not touched by it.`,
      )
    }
  }

  #textOf(event: RunEvent): string | undefined {
    try {
      return runEventText(event)
    } catch (error) {
      this.#options.told(`An event of run ${event.runId} is not JSON: ${toError(error).message}`)
      return undefined
    }
  }

  #dropOldest(): void {
    this.#kept.shift()
    if (this.#isLossTold) return
    this.#isLossTold = true
    this.#options.told(
      `Redis at ${this.#where()} takes no events of runs. The newest ${KEPT_MAX} are kept until it does; older ones are lost.`,
    )
  }

  #disconnect(): void {
    if (this.#redis !== undefined && this.#redis.status !== 'end') this.#redis.disconnect()
    this.#redis = undefined
  }

  #where(): string {
    return whereIs(this.#options.address)
  }
}
