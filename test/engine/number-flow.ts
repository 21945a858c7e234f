import { z } from 'zod'

import type { Flow, FlowEnd, PartEnd, WorkContext } from '../../src/engine/flow.ts'

export type Work = (part: number, context: WorkContext<number>) => Promise<void>

const LONG_MS = 600_000

/** A flow whose parts are numbers, and whose result is the sum of what was done of each. */
export function numberFlow(
  work: Work = async (part, { keep }) => keep(part),
  { timeoutMs = LONG_MS }: { readonly timeoutMs?: number } = {},
): Flow<readonly number[], number, number, number> {
  return {
    name: 'numbers',
    timeoutMs,
    params: z.array(z.number()),
    part: z.number(),
    done: z.number(),
    plan: async params => params,
    work,
    end: endOf,
  }
}

function endOf(parts: readonly PartEnd<number, number>[]): FlowEnd<number> {
  const result = parts.reduce((sum, { done = 0 }) => sum + done, 0)
  const ended = parts.find(it => it.state !== 'Completed')
  return {
    state: ended?.state ?? 'Completed',
    result,
    ...(ended?.error !== undefined && { error: ended.error }),
  }
}

/** Work that goes on until it is stopped, and then throws the reason. */
export const untilAborted: Work = async (_part, { signal }) => {
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
  throw signal.reason
}
