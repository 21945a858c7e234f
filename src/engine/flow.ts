import type { z } from 'zod'

import type { EndState, ErrorNote } from './run-event.ts'

export type RunLogger = {
  readonly info: (message: string) => void
  readonly warning: (message: string) => void
}

/**
 * A flow is work that is planned as parts: each part is a run of its own, on any worker, and again on another
 * one where its worker died. Whoever carries the runs, this process or a queue, parameters, parts and what was
 * done go through JSON, so each has a schema that parses it once, at the door.
 */
export type Flow<Params, Part, Done, Result> = {
  readonly name: string
  /** The time limit of a run with all its parts. At its end the signal is aborted, and the part is TimedOut. */
  readonly timeoutMs: number
  readonly params: z.ZodType<Params>
  readonly part: z.ZodType<Part>
  readonly done: z.ZodType<Done>
  readonly plan: (params: Params, context: PlanContext) => Promise<readonly Part[]>
  /** Does one part. What it has done it tells by `keep`, step by step; it throws where it could not go on. */
  readonly work: (part: Part, context: WorkContext<Done>) => Promise<void>
  /** How the run ended, from how its parts did. */
  readonly end: (parts: readonly PartEnd<Part, Done>[]) => FlowEnd<Result>
}

export type PlanContext = {
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal
  readonly log: RunLogger
}

export type WorkContext<Done> = PlanContext & {
  /** The id of the whole run, not of the part. */
  readonly runId: string
  /** Milliseconds; a body that takes no new work after it has time to end what is in hand before the limit. */
  readonly readUntil: number
  /** What a worker that died, or gave the part back, had done of it. */
  readonly before: Done | undefined
  /** Whether another worker died at this part. */
  readonly isTakenOver: boolean
  /** Keeps what was done so far: it counts also where the body then throws. */
  readonly keep: (done: Done) => void
}

export type PartEnd<Part, Done> = {
  readonly part: Part
  readonly state: EndState
  /** Undefined where nothing was told: the part never began. */
  readonly done?: Done
  /** There for every state but Completed. */
  readonly error?: ErrorNote
}

export type FlowEnd<Result> = {
  readonly state: EndState
  readonly result: Result
  readonly error?: ErrorNote
  /** Time was over before the work was: one more run is to follow at once. */
  readonly again?: boolean
}

/** How a run ended. `result` is missing where not even its plan could be made. */
export type FlowRun<Result> = {
  readonly runId: string
  readonly state: EndState
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly durationMs: number
  readonly result?: Result
  readonly error?: ErrorNote
  readonly again?: boolean
}

/** Of a run's time limit this share is for new work; the rest is for ending what is in hand. */
const SHARE_FOR_NEW_WORK = 0.9

export function readUntilOf(startedAt: number, timeoutMs: number): number {
  return startedAt + timeoutMs * SHARE_FOR_NEW_WORK
}
