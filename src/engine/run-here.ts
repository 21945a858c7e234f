import { randomUUID } from 'node:crypto'

import type { Flow, FlowRun, RunLogger } from './flow.ts'
import { noteOf } from './run-event.ts'
import { runPart } from './run-part.ts'

export type RunStart<Part, Done> = {
  readonly log: RunLogger
  /** Aborted by whoever wants the run to be Cancelled. */
  readonly signal: AbortSignal
  readonly runId?: string
  /** Told of what each part has done so far, undefined for one that has not begun. */
  readonly onProgress?: (parts: readonly PartProgress<Part, Done>[]) => void
}

export type PartProgress<Part, Done> = { readonly part: Part; readonly done: Done | undefined }

/** Runs a flow in this process, its parts side by side, without queue or server. Throws nothing. */
export async function runHere<Params, Part, Done, Result>(
  flow: Flow<Params, Part, Done, Result>,
  params: Params,
  { log, signal, runId = randomUUID(), onProgress = () => undefined }: RunStart<Part, Done>,
): Promise<FlowRun<Result>> {
  const startedAt = Date.now()
  const tookSince = () => ({ startedAt, durationMs: Date.now() - startedAt })
  try {
    const parts = await flow.plan(params, { signal, log })
    const dones = parts.map((): Done | undefined => undefined)
    const progress = () => onProgress(parts.map((part, at) => ({ part, done: dones[at] })))
    progress()
    const ends = await Promise.all(
      parts.map((part, at) =>
        runPart(
          flow,
          { runId, startedAt, part },
          {
            log,
            signal,
            told: done => {
              dones[at] = done
              progress()
            },
          },
        ),
      ),
    )
    return { runId, ...tookSince(), ...flow.end(ends) }
  } catch (thrown) {
    const [state, cause] = signal.aborted
      ? (['Cancelled', signal.reason] as const)
      : (['Failed', thrown] as const)
    return { runId, ...tookSince(), state, error: noteOf(cause) }
  }
}
