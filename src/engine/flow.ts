import { randomUUID } from 'node:crypto'

import { toError } from './errors.ts'

/** What a flow's body is given beside its parameters. */
export type FlowContext<Result> = {
  readonly runId: string
  /** Aborted when the run is cancelled or passes its time limit. */
  readonly signal: AbortSignal
  /** Milliseconds; a body that takes no new work after it has time to end what is in hand before the limit. */
  readonly readUntil: number
  readonly log: RunLogger
  /** Keeps what was done so far: it is the run's result also where the body then throws. */
  readonly keep: (result: Result) => void
}

export type RunLogger = {
  readonly info: (message: string) => void
  readonly warning: (message: string) => void
}

export type FlowOptions = {
  /** The run's time limit. At its end the signal is aborted, and the run is TimedOut. */
  readonly timeoutMs: number
}

export type Flow<Params, Result> = {
  readonly name: string
  readonly run: (params: Params, start: FlowStart) => Promise<FlowRun<Result>>
}

export type FlowStart = {
  readonly log: RunLogger
  /** Aborted by whoever wants the run to be Cancelled. */
  readonly signal: AbortSignal
}

/** How a run may end, by Prefect's names. */
export type StateName = 'Completed' | 'Failed' | 'TimedOut' | 'Cancelled'

/** How a run ended. `error` is there for every state but Completed; `result` where there is something to tell. */
export type FlowRun<Result> = {
  readonly runId: string
  readonly state: StateName
  readonly durationMs: number
  readonly result?: Result
  readonly error?: Error
}

/** Of a run's time limit this share is for new work; the rest is for ending what is in hand. */
const SHARE_FOR_NEW_WORK = 0.9

/** Wraps a function into a flow: a run with an id, a time limit, a state at its end, and no error thrown. */
export function flow<Params, Result>(
  name: string,
  { timeoutMs }: FlowOptions,
  body: (params: Params, context: FlowContext<Result>) => Promise<Result>,
): Flow<Params, Result> {
  return {
    name,
    run: async (params, { log, signal }) => {
      const runId = randomUUID()
      const startedAt = Date.now()
      const limit = AbortSignal.timeout(timeoutMs)
      let kept: { result?: Result } = {}
      const ended = (state: StateName) => ({ runId, state, durationMs: Date.now() - startedAt, ...kept })
      try {
        const result = await body(params, {
          runId,
          signal: AbortSignal.any([signal, limit]),
          readUntil: startedAt + timeoutMs * SHARE_FOR_NEW_WORK,
          log,
          keep: result => {
            kept = { result }
          },
        })
        return { ...ended('Completed'), result }
      } catch (thrown) {
        const error = toError(thrown)
        if (signal.aborted) return { ...ended('Cancelled'), error }
        if (limit.aborted) return { ...ended('TimedOut'), error: overTime(timeoutMs, error) }
        return { ...ended('Failed'), error }
      }
    },
  }
}

function overTime(timeoutMs: number, cause: Error): Error {
  return new Error(`the run passed its time limit of ${timeoutMs / 1000} s`, { cause })
}
