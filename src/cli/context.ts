import type { Config, Env } from '../config.ts'

/** What every command is given: nothing else of the process is touched by one. */
export type CliContext = {
  /** The environment over `.env`, and for most commands the servers of an `up` that runs here. */
  readonly env: Env
  readonly version: string
  /** Reads the configuration; throws ConfigError with all its mistakes. */
  readonly config: () => Config
  /** Writes to standard output; with `--json` the one document and nothing else. */
  readonly print: (text: string) => void
  /** Writes a line for a person to standard error. */
  readonly tell: (text: string) => void
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
  /** Whether a person reads standard error: only then is progress shown. */
  readonly showsProgress: boolean
  /** A text in a colour, where a person's terminal shows standard output and NO_COLOR is not set. */
  readonly colour: (colour: 'green' | 'red', text: string) => string
  /** Sets the exit code of a command that did its work and found something wrong. */
  readonly exitWith: (code: number) => void
}

/** The operator's mistake: a sentence, exit code 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly exitCode = 64
}
