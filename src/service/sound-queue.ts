import { setTimeout as sleep } from 'node:timers/promises'

import type { Config } from '../config.ts'
import { queueAddress } from '../drain-parts.ts'
import { OperatingError, toError } from '../engine/errors.ts'
import type { Log } from '../log.ts'
import { checkQueueServer } from '../streams/queue-server.ts'

const LOOK_MS = 2_000

/**
 * Calls `begin` as soon as the queue's Redis is found to be one that a queue can be on. Throws at once where it is
 * not: it may evict keys, or holds the queue of another dataset. Where it is away, says `meanwhile` and goes on
 * asking in the background, until the signal is aborted; what is found wrong then is told, and nothing is begun.
 */
export async function withSoundQueue(
  {
    config,
    datasetId,
    log,
    signal,
  }: {
    readonly config: Config
    readonly datasetId: string | undefined
    readonly log: Log
    readonly signal: AbortSignal
  },
  meanwhile: string,
  begin: () => void,
): Promise<void> {
  const check = () => checkQueueServer(queueAddress(config), datasetId)
  try {
    await check()
    begin()
  } catch (error) {
    if (!isAway(error)) throw error
    log.warning(`${toError(error).message} ${meanwhile}`)
    void askAgain()
  }

  async function askAgain(): Promise<void> {
    let told = ''
    while (!signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        await check()
        if (!signal.aborted) begin()
        return
      } catch (error) {
        const { message } = toError(error)
        if (!isAway(error) && message !== told) log.error(message)
        told = message
      }
    }
  }
}

/** Throws where the queue's Redis is there and a queue cannot be on it: before anything else asks it. */
export async function refuseUnsoundQueue(config: Config, datasetId: string | undefined): Promise<void> {
  try {
    await checkQueueServer(queueAddress(config), datasetId)
  } catch (error) {
    if (!isAway(error)) throw error
  }
}

function isAway(error: unknown): boolean {
  return error instanceof OperatingError && error.code === 'redis-unreachable'
}
