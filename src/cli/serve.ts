import { once } from 'node:events'

import { openLog } from '../log.ts'
import type { CliContext } from './context.ts'

/** Systemd, Kubernetes and people kill a process that takes longer than this. */
const CLOSE_LIMIT_MS = 9_500

/** After its work is done a process needs some milliseconds to end. */
const END_LIMIT_MS = 1_000

/** A log on standard error: plain lines where a person reads it, JSON lines elsewhere. */
export function logOf(context: CliContext) {
  return openLog({ level: context.config().logLevel, isTerminal: context.showsProgress })
}

export type Closing = { readonly close: () => Promise<void> }

/**
 * Opens a service, does something with it, and closes it whatever comes. From SIGTERM or Ctrl-C on, also while it
 * is being opened, the process ends within 10 seconds: what does not close in time is let go, and whatever was in
 * hand is taken over or done again. Ended so it is no failure.
 */
export async function serve<Service extends Closing>(
  { signal, tell }: Pick<CliContext, 'signal' | 'tell'>,
  open: () => Promise<Service>,
  work: (service: Service) => Promise<void>,
): Promise<void> {
  const end = (milliseconds: number, exitCode?: number) =>
    setTimeout(() => {
      tell('Something did not close in time and was let go.')
      process.exit(exitCode ?? process.exitCode)
    }, milliseconds).unref()
  signal.addEventListener('abort', () => end(CLOSE_LIMIT_MS, 0), { once: true })
  let service: Service | undefined
  try {
    service = await open()
    if (!signal.aborted) await work(service)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    if (!signal.aborted) end(CLOSE_LIMIT_MS, 1)
    await service?.close()
    // By then the exit code is set.
    end(END_LIMIT_MS)
  }
}

/** What a service does that only serves. */
export async function untilStopped({ signal }: Pick<CliContext, 'signal'>): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
