import type { RunEvent } from '../engine/run-event.ts'

/** An event as an entry's field carries it. Throws where its result is nothing that JSON can carry. */
export function runEventText(event: RunEvent): string {
  return JSON.stringify(event)
}

/** The event of a text; undefined where it is none, or one of a state that this version does not know. */
export function parseRunEvent(text: string | undefined): RunEvent | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text ?? '')
  } catch {
    return undefined
  }
  return isRunEvent(parsed) ? parsed : undefined
}

const states: ReadonlySet<unknown> = new Set<RunEvent['state']>([
  'Running',
  'Completed',
  'Failed',
  'TimedOut',
  'Cancelled',
  'Crashed',
])

function isRunEvent(value: unknown): value is RunEvent {
  if (!isObject(value)) return false
  const { runId, flow, state, time, worker, waitedMs, durationMs, error } = value
  return (
    [runId, flow, time, worker].every(it => typeof it === 'string') &&
    states.has(state) &&
    !Number.isNaN(Date.parse(String(time))) &&
    [waitedMs, durationMs].every(it => it === undefined || typeof it === 'number') &&
    (error === undefined || isErrorNote(error))
  )
}

function isErrorNote(value: unknown): boolean {
  if (!isObject(value) || typeof value.message !== 'string') return false
  return [value.code, value.stack].every(it => it === undefined || typeof it === 'string')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
