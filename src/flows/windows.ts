import type { DateTime } from 'luxon'

/** A time range [from, to). What counts of an entry is when Redis took it. */
export type Window = { readonly from: DateTime; readonly to: DateTime }

/** Each window is a run in the queue, and a line in the report. */
export const WINDOWS_MAX = 2_000

const LENGTH = /^([1-9]\d{0,5})([smhd])$/
const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** With the longest of these a range since 1970 has few enough windows until the year 2134. */
const USUAL_LENGTHS = '1s 2s 5s 10s 15s 30s 1m 2m 5m 10m 15m 30m 1h 2h 3h 6h 12h 1d 2d 7d 14d 30d'.split(' ')

/** A window's length as an operator gives it, `30s`, `5m`, `1h` or `1d`, in milliseconds; else undefined. */
export function parseLength(text: string): number | undefined {
  const [, count, unit] = LENGTH.exec(text) ?? []
  return unit !== undefined && unit in UNITS_MS
    ? Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS]
    : undefined
}

/** How many windows of a length a range has; 0 for an empty one. */
export function countOfWindows({ from, to }: Window, lengthMs: number): number {
  return Math.max(0, Math.ceil((to.toMillis() - from.toMillis()) / lengthMs))
}

/** Cuts a range into windows that follow each other from its start on; the last one may be shorter. */
export function cutWindows(range: Window, lengthMs: number): readonly Window[] {
  const rangeMs = range.to.toMillis() - range.from.toMillis()
  return Array.from({ length: countOfWindows(range, lengthMs) }, (_, at) => ({
    from: range.from.plus(at * lengthMs),
    to: range.from.plus(Math.min((at + 1) * lengthMs, rangeMs)),
  }))
}

/** The shortest usual length with which a range has no more windows than may be. */
export function lengthThatFits(range: Window): string {
  const fits = (text: string) => countOfWindows(range, parseLength(text) ?? 0) <= WINDOWS_MAX
  return USUAL_LENGTHS.find(fits) ?? '30d'
}
