import { DateTime } from 'luxon'

import { parseTime } from '../flows/time-window.ts'
import {
  countOfWindows,
  cutWindows,
  lengthThatFits,
  parseLength,
  WINDOWS_MAX,
  type Window,
} from '../flows/windows.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { UsageError } from './context.ts'
import { parseTypes } from './run-params.ts'
import { grouped } from './table.ts'

export type BackfillOptions = {
  readonly from: string
  readonly to?: string
  readonly type?: readonly string[]
  readonly window: string
}

export type BackfillPlan = {
  readonly types: readonly EventType[]
  /** A window's length as the operator gave it. */
  readonly length: string
  readonly windows: readonly Window[]
  /** What the operator may not expect. */
  readonly remark?: string
}

/** What a backfill is to do. Throws UsageError for every mistake in its options. */
export function planBackfill(options: BackfillOptions, now: DateTime): BackfillPlan {
  const types = options.type === undefined ? eventTypes : parseTypes(options.type.join(','))
  const from = timeOf('--from', options.from, now)
  const to = options.to === undefined ? now : timeOf('--to', options.to, now)
  if (from > now) {
    throw new UsageError(
      `--from ${options.from} is in the future. The ids of entries are the times at which Redis took them, so that none can be there yet; try an earlier time.`,
    )
  }
  if (from >= to) {
    throw new UsageError(
      `The range is empty: --from ${from.toISO()} is not before --to ${to.toISO()}; give an earlier --from or a later --to.`,
    )
  }
  const range = { from, to: DateTime.min(to, now) }
  const remark = `--to ${options.to} is in the future: the backfill ends at now, ${now.toISO()}.`
  const windows = cutWindows(range, lengthOf(options.window, range))
  return { types, length: options.window, windows, ...(to > now && { remark }) }
}

function timeOf(option: string, text: string, now: DateTime): DateTime {
  const time = parseTime(text, now)
  if (time !== undefined) return time
  throw new UsageError(`${option} '${text}' is no time; try ${option} 2026-01-31T09:00 or ${option} -2h.`)
}

function lengthOf(text: string, range: Window): number {
  const lengthMs = parseLength(text)
  if (lengthMs === undefined) {
    throw new UsageError(
      `--window '${text}' is no length; it must be a second or more, such as 30s, 5m, 1h or 1d.`,
    )
  }
  const count = countOfWindows(range, lengthMs)
  if (count <= WINDOWS_MAX) return lengthMs
  throw new UsageError(
    `--window ${text} would make ${grouped(count)} windows of this range, and ${grouped(WINDOWS_MAX)} are the most; try --window ${lengthThatFits(range)}.`,
  )
}
