/**
 * One entry of a Redis Stream as it came off the wire. `fields` alternates names and values; Redis keeps
 * their order, allows a name twice and any bytes in both.
 */
export type StreamEntry = {
  readonly id: EntryId
  readonly fields: readonly Buffer[]
}

/** An entry's id, `<milliseconds>-<sequence>`: two unsigned 64-bit numbers, each in plain decimal. */
export type EntryId = string

export const FIRST_ID: EntryId = '0-0'
export const LAST_ID: EntryId = '18446744073709551615-18446744073709551615'

/** Orders ids as Redis does: by milliseconds, then by sequence. Negative, zero or positive, for `sort`. */
export function compareIds(a: EntryId, b: EntryId): number {
  const aDash = a.indexOf('-')
  const bDash = b.indexOf('-')
  return (
    compareDecimals(a.slice(0, aDash), b.slice(0, bDash)) ||
    compareDecimals(a.slice(aDash + 1), b.slice(bDash + 1))
  )
}

export function isEntryId(text: string): boolean {
  return /^(0|[1-9]\d{0,19})-(0|[1-9]\d{0,19})$/.test(text)
}

/** The milliseconds of an id as a number: exact below 2^53, rounded above, where no real clock stands. */
export function millisecondsOf(id: EntryId): number {
  return Number(id.slice(0, id.indexOf('-')))
}

/** Numbers without leading zeros compare as text once their lengths are equal: no BigInt is needed. */
function compareDecimals(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}

const SEQUENCE_MAX = 18446744073709551615n

/** The smallest id above one: where a read goes on behind it. */
export function nextId(id: EntryId): EntryId {
  const [milliseconds = '0', sequence = '0'] = id.split('-')
  const next = BigInt(sequence) + 1n
  return next > SEQUENCE_MAX ? `${BigInt(milliseconds) + 1n}-0` : `${milliseconds}-${next}`
}
