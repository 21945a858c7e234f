import { DateTime, Duration } from 'luxon'

import { type EntryId, FIRST_ID, LAST_ID } from '../records/stream-entry.ts'
import type { IdRange } from './streams-port.ts'

const RELATIVE = /^-(\d+)([smhd])$/
const UNITS = { s: 'seconds', m: 'minutes', h: 'hours', d: 'days' } as const

/**
 * A time as an operator gives it: ISO 8601, without a zone in UTC, or relative to now (`-2h`), or `now`.
 * Undefined where it is none of these.
 */
export function parseTime(text: string, now: DateTime): DateTime | undefined {
  const utcNow = now.toUTC()
  if (text === 'now') return utcNow
  const [, amount, unit] = RELATIVE.exec(text) ?? []
  const time =
    amount !== undefined && unit !== undefined && unit in UNITS
      ? utcNow.minus(Duration.fromObject({ [UNITS[unit as keyof typeof UNITS]]: Number(amount) }))
      : DateTime.fromISO(text, { zone: 'utc' })
  return time.isValid && time.toMillis() >= 0 ? time : undefined
}

/**
 * The ids of a window [from, to): an entry's id begins with the milliseconds at which Redis took it. A missing
 * end is open.
 */
export function idsOfWindow(window: {
  readonly from?: DateTime | undefined
  readonly to?: DateTime | undefined
}): IdRange {
  return {
    from: window.from === undefined ? FIRST_ID : `${window.from.toMillis()}-0`,
    to: window.to === undefined ? LAST_ID : lastBefore(window.to.toMillis()),
  }
}

/** No entry has the id 0-0, so it ends a window in which there is nothing. */
function lastBefore(milliseconds: number): EntryId {
  return milliseconds === 0 ? FIRST_ID : `${milliseconds - 1}-18446744073709551615`
}
