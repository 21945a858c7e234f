import type { ErrorNote, RunEvent } from '../engine/run-event.ts'
import { runResultOf } from './run-result.ts'

const CAUSE_MAX = 200
const READ_MAX = 2_000

/**
 * Why a run failed, as a key that stays the same from run to run: the errors' codes, or their messages without
 * the words that hold a digit, which are ids, times and addresses. Where types of a run failed, their errors
 * count and not the run's, whose message says which types they were: that differs while the cause is the same.
 */
export function causeOf({ state, error, result }: RunEvent): string {
  const notes = [...runResultOf(result).failed.values()]
  const causes = new Set((notes.length === 0 || error?.code !== undefined ? [error] : notes).map(causeOfNote))
  const cause = [...causes]
    .filter(it => it !== '')
    .sort()
    .join(' + ')
    .slice(0, CAUSE_MAX)
  return cause === '' ? state : cause
}

/** The codes of a run's errors, each once: what docs/errors.md has a section for. */
export function codesOf({ error, result }: RunEvent): readonly string[] {
  const notes = [error, ...runResultOf(result).failed.values()]
  return [...new Set(notes.flatMap(it => it?.code ?? []))]
}

function causeOfNote(note: ErrorNote | undefined): string {
  if (note === undefined) return ''
  if (note.code !== undefined) return note.code
  return note.message
    .slice(0, READ_MAX)
    .replaceAll(/\S+/g, word => (/\d/.test(word) ? '#' : word))
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, CAUSE_MAX)
}
