import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { OperatingError, toError } from '../engine/errors.ts'
import { checkRedisBinary } from './redis-binary.ts'
import { type RedisProcess, type RedisSettings, spawnRedis } from './redis-process.ts'

/** A Redis server of ours on loopback, without a password. */
export type EmbeddedRedis = {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Resolves with a sentence when the server ends by itself; never once `stop` was called. */
  readonly died: Promise<string>
  /** Lets the server save its data and end, and kills it after 5 seconds. Twice is fine, and so is a dead one. */
  readonly stop: () => Promise<void>
}

const READY = 'Ready to accept connections'
const PORT_TAKEN = 'Address already in use'

/** Somebody else may take a port that was found free before the server does; five times in a row it is no chance. */
const PORT_TRIES_MAX = 5

/** A start loads the data: 400 MB a second were measured, so that this is enough for 2 GB on a slow disk. */
const START_LIMIT_MS = 300_000
const POLL_MS = 10

/** To save is one fsync, of what was written in the last second. */
const STOP_LIMIT_MS = 5_000

/**
 * Starts a redis-server and waits until it has loaded its data and serves. Throws `redis-not-started` with the
 * reason. Should it die later, call this again with its `port` to start it again where it was.
 */
export async function startRedisServer(
  settings: RedisSettings,
  pickPort: () => Promise<number> = freePort,
): Promise<EmbeddedRedis> {
  await checkRedisBinary()
  for (let tries = 1; ; tries += 1) {
    const port = settings.port ?? (await pickPort())
    const redis = await spawned(settings, port)
    const trouble = await troubleAtStart(redis)
    if (trouble === undefined) return embedded(redis)
    const words = await lastWords(redis)
    const isRaceLost = words.includes(PORT_TAKEN) && settings.port === undefined
    if (isRaceLost && tries < PORT_TRIES_MAX) continue
    throw new OperatingError(
      'redis-not-started',
      `The Redis server in ${settings.folder} ${trouble} at its start, on port ${port}. ${words}`,
    )
  }
}

async function spawned(settings: RedisSettings, port: number): Promise<RedisProcess> {
  try {
    return await spawnRedis(settings, port)
  } catch (thrown) {
    const cause = toError(thrown)
    const message = `The Redis server in ${settings.folder} cannot be started: ${cause.message}.`
    throw new OperatingError('redis-not-started', message, { cause })
  }
}

/** Waits until the server serves. How it ended, where it does not. */
async function troubleAtStart({ ended, log, signal }: RedisProcess): Promise<string | undefined> {
  for (let waitedMs = 0; waitedMs < START_LIMIT_MS; waitedMs += POLL_MS) {
    const how = await Promise.race([ended, sleep(POLL_MS)])
    if (how !== undefined) return how
    if ((await log()).includes(READY)) return undefined
  }
  signal('SIGKILL')
  await ended
  return `was not ready within ${START_LIMIT_MS / 1000} s and was killed`
}

function embedded(redis: RedisProcess): EmbeddedRedis {
  const { pid, port, folder, ended } = redis
  let isWanted = true
  let stopped: Promise<void> | undefined
  const died = new Promise<string>(resolve => {
    void ended.then(async how => {
      const words = await lastWords(redis)
      if (isWanted) resolve(`The Redis server in ${folder} ${how}, on port ${port}. ${words}`)
    })
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid,
    died,
    stop: () => {
      isWanted = false
      stopped ??= terminate(redis)
      return stopped
    },
  }
}

async function terminate({ ended, signal }: RedisProcess): Promise<void> {
  signal('SIGTERM')
  const limit = setTimeout(() => signal('SIGKILL'), STOP_LIMIT_MS)
  await ended
  clearTimeout(limit)
}

/** The end of the log as one line, without times, and without the warnings that every start repeats. */
async function lastWords({ log }: RedisProcess): Promise<string> {
  const lines = (await log())
    .split('\n')
    .map(line => line.replace(/^\d+:(?:[A-Z] .*?\d\.\d{3} [.\-*#]|signal-handler \(\d+\)) /, '').trim())
    .filter(line => line !== '' && !line.startsWith('WARNING'))
  return lines.length === 0 ? 'It said nothing.' : `Its last words: ${lines.slice(-3).join(' / ')}`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  return address.port
}
