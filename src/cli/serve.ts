import { once } from 'node:events'

import { openLog } from '../log.ts'
import type { CliContext } from './context.ts'

/** Systemd, Kubernetes and people kill a process that takes longer than this. */
const CLOSE_LIMIT_MS = 9_500

/** A log on standard error: plain lines where a person reads it, JSON lines elsewhere. */
export function logOf(context: CliContext) {
  return openLog({ level: context.config().logLevel, isTerminal: context.showsProgress })
}

/**
 * Runs a service until SIGTERM or Ctrl-C, and closes it. What does not close in time is let go: the process then
 * ends all the same, and whatever was in hand is taken over or done again. Ended so it is no failure.
 */
export async function serveUntilStopped(
  service: { readonly close: () => Promise<void> },
  { signal }: Pick<CliContext, 'signal'>,
  warn: (message: string) => void,
): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
  endAfter(CLOSE_LIMIT_MS, warn)
  await service.close()
  endAfter(1_000, warn)
}

function endAfter(milliseconds: number, warn: (message: string) => void): void {
  setTimeout(() => {
    warn('Something did not close in time and was let go.')
    process.exit(0)
  }, milliseconds).unref()
}
