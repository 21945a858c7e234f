import { setTimeout as sleep } from 'node:timers/promises'

import { toError } from '../engine/errors.ts'
import type { RedisSettings } from './redis-process.ts'
import { type EmbeddedRedis, startRedisServer } from './redis-server.ts'

/** A Redis server that is started again, on its port and data, whenever it dies. */
export type KeptRedis = {
  readonly url: string
  /** Changes with each new start. */
  readonly pid: () => number
  readonly stop: () => Promise<void>
}

export type KeptRedisOptions = RedisSettings & {
  readonly warn: (message: string) => void
  readonly onRestart: () => Promise<void>
}

const RESTART_AFTER_MS = 500

/** Throws `redis-not-started` where the first start fails; a later one is tried until it succeeds. */
export async function keepRedisServer({
  warn,
  onRestart,
  ...settings
}: KeptRedisOptions): Promise<KeptRedis> {
  let server: EmbeddedRedis = await startRedisServer(settings)
  let isStopped = false
  let starting: Promise<boolean> = Promise.resolve(true)
  const { url, port } = server

  async function keep(): Promise<void> {
    while (!isStopped) {
      warn(`${await server.died} It is started again.`)
      for (let isUp = false; !isUp && !isStopped; ) {
        await sleep(RESTART_AFTER_MS)
        if (isStopped) return
        starting = startAgain()
        isUp = await starting
      }
    }
  }

  async function startAgain(): Promise<boolean> {
    try {
      const again = await startRedisServer({ ...settings, port })
      server = again
      if (isStopped) await again.stop()
    } catch (error) {
      warn(toError(error).message)
      return false
    }
    await onRestart().catch(error => warn(toError(error).message))
    return true
  }

  void keep()
  return {
    url,
    pid: () => server.pid,
    stop: async () => {
      isStopped = true
      await starting
      await server.stop()
    },
  }
}
