import { DateTime } from 'luxon'

import { DATA_WRITER, type DataWriterParams } from '../flows/data-writer.ts'
import { idsOfWindow, parseTime } from '../flows/time-window.ts'
import { type EventType, eventTypes, isEventType } from '../records/event-type.ts'
import { UsageError } from './context.ts'

/** The flows that can be run. */
export const FLOWS: readonly string[] = [DATA_WRITER]

/** Refuses a flow that there is not, before anything else is looked at. */
export function checkFlow(flow: string): void {
  if (!FLOWS.includes(flow)) throw new UsageError(`'${flow}' is no flow; there is ${FLOWS.join(', ')}.`)
}

/** The parameters of data-writer from words such as `types=posts,likes` and `from=-2h`. */
export function parseParams(words: readonly string[]): DataWriterParams {
  let types: readonly EventType[] = eventTypes
  const window: { from?: DateTime; to?: DateTime } = {}
  for (const word of words) {
    const [key, value = ''] = splitOnce(word)
    if (key === 'types') types = parseTypes(value)
    else if (key === 'from' || key === 'to') window[key] = timeOf(`${key}=`, value)
    else throw new UsageError(`'${word}' is no parameter of data-writer; there are types=, from= and to=.`)
  }
  if (window.from !== undefined && window.to !== undefined && window.from >= window.to) {
    throw new UsageError(
      `The window is empty: from=${window.from.toISO()} is not before to=${window.to.toISO()}.`,
    )
  }
  if (window.from !== undefined && window.from > DateTime.utc()) {
    throw new UsageError(
      `The window begins in the future: from=${window.from.toISO()}. An entry's time is the one at which Redis took it.`,
    )
  }
  return { types, range: idsOfWindow(window) }
}

/** Types as an operator names them, separated by commas; each once. */
export function parseTypes(words: string): readonly EventType[] {
  return [...new Set(words.split(',').map(parseType))]
}

function parseType(word: string): EventType {
  if (isEventType(word)) return word
  throw new UsageError(`'${word}' is no type; there are ${eventTypes.join(', ')}.`)
}

/** `option` is how the operator writes it: `from=`, or `--from `. */
export function timeOf(option: string, value: string): DateTime {
  const time = parseTime(value, DateTime.utc())
  if (time !== undefined) return time
  throw new UsageError(`${option}'${value}' is no time; try ${option}2026-01-31T09:00 or ${option}-2h.`)
}

/** For an option that may be given several times. */
export function collected(word: string, before: readonly string[] = []): readonly string[] {
  return [...before, word]
}

function splitOnce(word: string): [string, string?] {
  const at = word.indexOf('=')
  return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}
