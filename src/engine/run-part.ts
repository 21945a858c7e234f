import type { Flow, PartEnd, RunLogger } from './flow.ts'
import { readUntilOf } from './flow.ts'
import { noteOf } from './run-event.ts'

/** A part of a run that began at `startedAt`, milliseconds since 1970. */
export type PartStart<Part, Done> = {
  readonly runId: string
  readonly startedAt: number
  readonly part: Part
  readonly before?: Done
  readonly isTakenOver?: boolean
}

/** Where a part is carried: in this process, or by a queue. */
export type PartCarrier<Done> = {
  readonly log: RunLogger
  /** Aborted by whoever wants the part to end here: it is then Cancelled, or goes on elsewhere. */
  readonly signal: AbortSignal
  /** Told of everything that is kept, the moment it is. */
  readonly told: (done: Done) => void
}

/** Does one part of a run, within the run's time limit. Throws nothing: every error is in what it returns. */
export async function runPart<Params, Part, Done, Result>(
  flow: Flow<Params, Part, Done, Result>,
  { runId, startedAt, part, before, isTakenOver = false }: PartStart<Part, Done>,
  { log, signal, told }: PartCarrier<Done>,
): Promise<PartEnd<Part, Done>> {
  const limit = AbortSignal.timeout(Math.max(0, startedAt + flow.timeoutMs - Date.now()))
  let done = before
  const kept = () => (done === undefined ? {} : { done })
  try {
    await flow.work(part, {
      runId,
      signal: AbortSignal.any([signal, limit]),
      readUntil: readUntilOf(startedAt, flow.timeoutMs),
      log,
      before,
      isTakenOver,
      keep: made => {
        done = made
        told(made)
      },
    })
    return { part, state: 'Completed', ...kept() }
  } catch (thrown) {
    if (signal.aborted) return { part, state: 'Cancelled', ...kept(), error: noteOf(signal.reason) }
    if (!limit.aborted) return { part, state: 'Failed', ...kept(), error: noteOf(thrown) }
    const error = { message: `the run passed its time limit of ${flow.timeoutMs / 1000} s` }
    return { part, state: 'TimedOut', ...kept(), error }
  }
}
