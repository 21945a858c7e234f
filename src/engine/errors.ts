/**
 * What stands in the way and who can mend it. Every code is explained in docs/errors.md, with what to do.
 * `retry` errors pass by themselves (a restarting Redis); the others need a person.
 */
export const errorCodes = {
  'redis-unreachable': { exitCode: 69, retry: true },
  'redis-refused': { exitCode: 69, retry: false },
  'redis-too-old': { exitCode: 69, retry: false },
  'redis-full': { exitCode: 1, retry: false },
  'redis-error': { exitCode: 1, retry: true },
  'wrong-key-type': { exitCode: 1, retry: false },
  'foreign-group': { exitCode: 1, retry: false },
  'foreign-dataset': { exitCode: 1, retry: false },
  'reply-too-large': { exitCode: 1, retry: true },
  'staging-gone': { exitCode: 1, retry: true },
  'disk-full': { exitCode: 1, retry: false },
  'disk-refused': { exitCode: 1, retry: false },
  'disk-error': { exitCode: 1, retry: false },
  'no-hard-links': { exitCode: 1, retry: false },
  'unknown-layout': { exitCode: 1, retry: false },
  'other-streams': { exitCode: 1, retry: false },
  'unreadable-record': { exitCode: 1, retry: false },
  'file-gone': { exitCode: 1, retry: false },
  'file-damaged': { exitCode: 1, retry: false },
  'no-dataset': { exitCode: 1, retry: false },
  'bad-query': { exitCode: 1, retry: false },
  'no-duckdb': { exitCode: 1, retry: false },
  'redis-not-started': { exitCode: 1, retry: false },
  'already-running': { exitCode: 1, retry: false },
  'state-folder-unusable': { exitCode: 1, retry: false },
  'slack-failed': { exitCode: 1, retry: false },
  'queue-evicts': { exitCode: 1, retry: false },
  'foreign-queue': { exitCode: 1, retry: false },
  'run-unknown': { exitCode: 1, retry: false },
  'port-in-use': { exitCode: 1, retry: false },
  'cannot-listen': { exitCode: 1, retry: false },
} as const

export type ErrorCode = keyof typeof errorCodes

/** Something outside the program stands in the way: told as one sentence, without a stack trace. */
export class OperatingError extends Error {
  override readonly name = 'OperatingError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  get exitCode(): number {
    return errorCodes[this.code].exitCode
  }

  get retry(): boolean {
    return errorCodes[this.code].retry
  }
}

/** Anything that was thrown, as an Error: parquetjs-lite and others throw plain strings. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
