import type { RunEvent } from '../engine/run-event.ts'
import { causeOf } from './cause.ts'

/** What there is to tell. */
export type Alert = FailureAlert | MissingAlert | RecoveryAlert

export type FailureAlert = {
  readonly kind: 'failure'
  readonly run: RunEvent
  /** Runs that failed since the flow last ended Completed, this one included. */
  readonly failedRuns: number
}

export type MissingAlert = {
  readonly kind: 'missing'
  readonly flow: string
  /** Milliseconds since the last run. */
  readonly sinceMs: number
}

export type RecoveryAlert = {
  readonly kind: 'recovery'
  readonly run: RunEvent
  /** Milliseconds from the first failure to the end of this run; never negative, whatever the workers' clocks say. */
  readonly downMs: number
  readonly failedRuns: number
  /** How many runs failed of each cause; 0 for `no-run`, which is no run. */
  readonly causes: ReadonlyMap<string, number>
}

/** The cause of a flow that has no run at all. */
export const NO_RUN = 'no-run'

/** A flow that fails in ever new words is not told for ever: further causes are only counted. */
const CAUSES_MAX = 50
const SEEN_MAX = 10_000

/** A flow that does not end Completed, from its first failure on. */
type Outage = { readonly since: number; failedRuns: number; readonly causes: Map<string, number> }

/**
 * Folds the events of all flows and says what is worth telling: the first failure, another cause while it lasts,
 * and the end of it. A Cancelled run was somebody's wish: it neither fails nor mends anything.
 */
export class Alerts {
  readonly #outages = new Map<string, Outage>()
  readonly #seen = new Set<string>()

  /** An event that came before changes nothing. */
  take(run: RunEvent): FailureAlert | RecoveryAlert | undefined {
    if (run.state === 'Running' || run.state === 'Cancelled' || this.#wasSeen(run)) return undefined
    return run.state === 'Completed' ? this.#completed(run) : this.#failed(run)
  }

  missing({ flow, sinceMs, now }: { flow: string; sinceMs: number; now: number }): MissingAlert | undefined {
    const { causes } = this.#outageOf(flow, now - sinceMs)
    if (causes.has(NO_RUN)) return undefined
    causes.set(NO_RUN, 0)
    return { kind: 'missing', flow, sinceMs }
  }

  #failed(run: RunEvent): FailureAlert | undefined {
    const outage = this.#outageOf(run.flow, Date.parse(run.time))
    outage.failedRuns += 1
    const cause = causeOf(run)
    const count = outage.causes.get(cause)
    if (count === undefined && outage.causes.size >= CAUSES_MAX) return undefined
    outage.causes.set(cause, (count ?? 0) + 1)
    return count === undefined ? { kind: 'failure', run, failedRuns: outage.failedRuns } : undefined
  }

  #completed(run: RunEvent): RecoveryAlert | undefined {
    const outage = this.#outages.get(run.flow)
    if (outage === undefined) return undefined
    this.#outages.delete(run.flow)
    const { since, failedRuns, causes } = outage
    return { kind: 'recovery', run, downMs: Math.max(0, Date.parse(run.time) - since), failedRuns, causes }
  }

  #outageOf(flow: string, since: number): Outage {
    const outage = this.#outages.get(flow) ?? { since, failedRuns: 0, causes: new Map() }
    this.#outages.set(flow, outage)
    return outage
  }

  #wasSeen({ runId, state }: RunEvent): boolean {
    const key = `${runId} ${state}`
    if (this.#seen.has(key)) return true
    this.#seen.add(key)
    const [oldest] = this.#seen
    if (oldest !== undefined && this.#seen.size > SEEN_MAX) this.#seen.delete(oldest)
    return false
  }
}
