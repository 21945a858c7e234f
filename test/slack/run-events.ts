import type { ErrorCode } from '../../src/engine/errors.ts'
import type { RunEvent } from '../../src/engine/run-event.ts'

/** When minute 0 of a test is. */
export const START = Date.parse('2026-11-21T22:00:00.000Z')

/** A run of data-writer that ends in a minute of the test, by default the one of its number. */
export function runEnds(
  number: number,
  state: RunEvent['state'],
  more: Partial<RunEvent> & { readonly minute?: number } = {},
): RunEvent {
  const { minute = number, ...event } = more
  return {
    runId: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    flow: 'data-writer',
    state,
    time: new Date(START + minute * 60_000).toISOString(),
    worker: 'host-a:4711',
    ...(state !== 'Running' && { durationMs: 12_340 }),
    ...event,
  }
}

export function fails(number: number, message: string, code?: ErrorCode): RunEvent {
  return runEnds(number, 'Failed', { error: { message, ...(code !== undefined && { code }) } })
}

export const unreachable = (number: number) =>
  fails(number, 'Redis at 127.0.0.1:6379 does not answer. Check REDIS_URL.', 'redis-unreachable')
