import { z } from 'zod'

import type { Flow, FlowEnd, PartEnd, PlanContext } from './flow.ts'
import { type PartCarrier, type PartStart, runPart } from './run-part.ts'

/** A flow as a queue sees it: parameters, parts and what was done are JSON, parsed at each call. */
export type CarriedFlow = {
  readonly name: string
  readonly timeoutMs: number
  readonly plan: (params: unknown, context: PlanContext) => Promise<readonly unknown[]>
  readonly work: (
    start: PartStart<unknown, unknown>,
    carrier: PartCarrier<unknown>,
  ) => Promise<PartEnd<unknown, unknown>>
  readonly end: (parts: readonly unknown[]) => FlowEnd<unknown>
}

/** Throws, at each call, where the JSON is not of the flow's shapes: another version put it in the queue. */
export function carried<Params, Part, Done, Result>(flow: Flow<Params, Part, Done, Result>): CarriedFlow {
  return {
    name: flow.name,
    timeoutMs: flow.timeoutMs,
    plan: (params, context) => flow.plan(flow.params.parse(params ?? {}), context),
    work: ({ part, before, ...start }, carrier) => {
      const done = before === undefined ? {} : { before: flow.done.parse(before) }
      return runPart(flow, { ...start, part: flow.part.parse(part), ...done }, carrier)
    },
    end: parts => flow.end(parts.map(it => parsedEnd(flow, it))),
  }
}

const partEnd = z.object({
  part: z.unknown(),
  state: z.enum(['Completed', 'Failed', 'TimedOut', 'Cancelled', 'Crashed']),
  done: z.unknown().optional(),
  error: z.custom<PartEnd<unknown, unknown>['error']>().optional(),
})

function parsedEnd<Params, Part, Done, Result>(
  flow: Flow<Params, Part, Done, Result>,
  end: unknown,
): PartEnd<Part, Done> {
  const { part, state, done, error } = partEnd.parse(end)
  return {
    part: flow.part.parse(part),
    state,
    ...(done !== undefined && { done: flow.done.parse(done) }),
    ...(error !== undefined && { error }),
  }
}
