import { type ErrorCode, errorCodes } from '../engine/errors.ts'
import type { ErrorNote } from '../engine/run-event.ts'

/** What a run's result says of each type. */
export type RunResult = {
  readonly types: ReadonlyMap<string, TypeCounts>
  /** Undefined where the result does not say. */
  readonly remaining: number | undefined
  readonly failed: ReadonlyMap<string, ErrorNote>
}

export const countNames = ['read', 'written', 'rejected', 'duplicates', 'deleted', 'remaining'] as const

export type TypeCounts = Readonly<Record<(typeof countNames)[number], number>>

/** A count that is not there is 0: the result may be of another version, or of a flow without types. */
export function runResultOf(result: unknown): RunResult {
  const { types, remaining, failed } = objectOf(result)
  return {
    types: new Map(Object.entries(objectOf(types)).map(([type, counts]) => [type, countsOf(counts)])),
    remaining: typeof remaining === 'number' ? remaining : undefined,
    failed: new Map(Object.entries(objectOf(failed)).map(([type, note]) => [type, noteIn(note)])),
  }
}

function countsOf(value: unknown): TypeCounts {
  const counts = objectOf(value)
  const count = (name: string) => (typeof counts[name] === 'number' ? counts[name] : 0)
  return {
    read: count('read'),
    written: count('written'),
    rejected: count('rejected'),
    duplicates: count('duplicates'),
    deleted: count('deleted'),
    remaining: count('remaining'),
  }
}

function noteIn(value: unknown): ErrorNote {
  const { message, code } = objectOf(value)
  return { message: typeof message === 'string' ? message : '', ...(isErrorCode(code) && { code }) }
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code)
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
