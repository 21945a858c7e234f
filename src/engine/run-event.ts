import { type ErrorCode, OperatingError, toError } from './errors.ts'

/** How a run ends, by Prefect's names. Crashed: its worker died, and nobody could take it over. */
export type EndState = 'Completed' | 'Failed' | 'TimedOut' | 'Cancelled' | 'Crashed'

/** An error as JSON carries it: over a queue, into the history, to Slack. */
export type ErrorNote = {
  readonly message: string
  /** Missing where nobody foresaw the error: a fault of ours, and then its stack is worth keeping. */
  readonly code?: ErrorCode
  readonly stack?: string
}

/**
 * What a flow run tells of itself when it begins and when it ends. The same event may come twice, since it is
 * sent again when the answer was lost: a run and a state name it.
 */
export type RunEvent = {
  readonly runId: string
  readonly flow: string
  readonly state: 'Running' | EndState
  /** When the state began: ISO 8601, UTC. */
  readonly time: string
  /** Where it ran, as host:pid. */
  readonly worker: string
  /** Of a run that a worker began by its own clock, past the queue. */
  readonly isUnqueued?: true
  /** Of a run that begins: milliseconds since it was due. */
  readonly waitedMs?: number
  /** Of a run that ended: milliseconds from its beginning. */
  readonly durationMs?: number
  /** Of a run that did not end Completed. */
  readonly error?: ErrorNote
  /** What the run did, also when it failed: JSON, of a shape that its flow knows. */
  readonly result?: unknown
}

export function noteOf(thrown: unknown): ErrorNote {
  const error = toError(thrown)
  if (error instanceof OperatingError) return { message: error.message, code: error.code }
  return { message: error.message, ...(error.stack !== undefined && { stack: error.stack }) }
}
