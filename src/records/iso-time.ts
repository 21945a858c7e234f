/** Year, month, day, hour, minute, second, fraction, sign and hours and minutes of the offset. */
const DATE_TIME =
  /^(\d{4})(-?)(\d\d)\2(\d\d)T(\d\d)(:?)(\d\d)(?:\6(\d\d)(?:[.,](\d+))?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?$/

const FIRST_MS = Date.UTC(1970, 0)
const END_MS = Date.UTC(2262, 0)

/**
 * An ISO 8601 date and time as microseconds since 1970 UTC; null where the text is none, or lies outside 1970
 * to 2261, the years that readers with 64-bit nanoseconds can show. Without a zone it is UTC. Digits after
 * the microseconds are cut off; past 2^53 microseconds (2255) so are those after the milliseconds, which keeps
 * the number exact.
 */
export function microsecondsOf(text: string): number | null {
  const match = DATE_TIME.exec(text)
  if (match === null) return null
  const part = (group: number) => Number(match[group] ?? 0)
  const local = utcMilliseconds({
    year: part(1),
    month: part(3),
    day: part(4),
    hour: part(5),
    minute: part(7),
    second: part(8),
  })
  const offset = offsetMilliseconds(match[10], part(11), part(12))
  if (local === null || offset === null) return null
  const ms = local - offset
  if (ms < FIRST_MS || ms >= END_MS) return null
  const fraction = (match[9] ?? '').slice(0, 6).padEnd(6, '0')
  const micros = ms * 1000 + Number(fraction)
  return Number.isSafeInteger(micros) ? micros : (ms + Number(fraction.slice(0, 3))) * 1000
}

/** `2026-11-21T22:05:00.123Z`, as most clients write it. */
export function millisecondText(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString()
}

/** `2026-11-21T22:05:00.123456Z`, as the origin's producer writes it. */
export function microsecondText(micros: number): string {
  const rest = String(micros % 1000).padStart(3, '0')
  return millisecondText(micros).replace('Z', `${rest}Z`)
}

type Calendar = Readonly<Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', number>>

/** Null where a field is out of its range; Date.UTC carries 30 February over into March, which shows. */
function utcMilliseconds({ year, month, day, hour, minute, second }: Calendar): number | null {
  // Date.UTC reads the years 0 to 99 as 1900 to 1999, so what lies far outside is refused here.
  if (year < 1969 || hour > 23 || minute > 59 || second > 59) return null
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  return date.getUTCMonth() === month - 1 ? date.getTime() : null
}

function offsetMilliseconds(sign: string | undefined, hours: number, minutes: number): number | null {
  if (hours > 23 || minutes > 59) return null
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000
}
