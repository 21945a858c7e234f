import { pino } from 'pino'

import type { RunLogger } from './engine/flow.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** What `up`, `server` and `worker` tell: JSON lines for a machine, one plain line each for a person. */
export type Log = RunLogger & {
  readonly error: (message: string) => void
  /** A change of state with its facts: a run began, a run ended. */
  readonly event: (message: string, facts: Readonly<Record<string, unknown>>) => void
}

/** Writes to standard error. `isTerminal`: a person reads it. */
export function openLog({ level, isTerminal }: { level: LogLevel; isTerminal: boolean }): Log {
  const logger = pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'message' },
    { write: line => process.stderr.write(isTerminal ? plainLine(line) : line) },
  )
  return {
    info: message => logger.info(message),
    warning: message => logger.warn(message),
    error: message => logger.error(message),
    event: (message, facts) => logger.info(facts, message),
  }
}

const NAMES: Readonly<Record<number, string>> = { 40: 'warning: ', 50: 'error: ' }

function plainLine(line: string): string {
  const { time, level, message }: { time: string; level: number; message: string } = JSON.parse(line)
  return `${time.slice(11, 19)} ${NAMES[level] ?? ''}${message}\n`
}
