import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { type Config, type Env, readConfig } from '../config.ts'
import { type KeptRedis, keepRedisServer } from '../embedded/kept-redis.ts'
import { claimStateFolder } from '../embedded/state-folder.ts'
import { Closers } from '../engine/closers.ts'
import { nextTime } from '../engine/cron.ts'
import type { Log } from '../log.ts'
import { startFeed } from './feed.ts'
import { type WatchedQueue, watchedQueue } from './queue.ts'
import { openServer } from './server.ts'
import { type Shown, show } from './show.ts'
import { openWorker } from './worker.ts'

export type UpService = {
  /** With the URLs of the Redis servers that were started. */
  readonly config: Config
  readonly serverUrl: string
  readonly workerUrl: string
  readonly queue: WatchedQueue
  /** When the schedule's next run is due, in milliseconds since 1970. */
  readonly nextAt: () => number
  /**
   * Begins to put made events on the streams; resolves when there are enough of them to be worth a look. Throws the
   * signal's reason.
   */
  readonly feed: (signal: AbortSignal) => Promise<void>
  /** What is in the dataset: the newest hour as a tree, and a query with its answer where DuckDB is there. */
  readonly show: (signal: AbortSignal) => Promise<Shown>
  readonly close: () => Promise<void>
}

export type UpSetting = {
  readonly env: Env
  readonly log: Log
  readonly version: string
  /** Wins over PORT. */
  readonly port?: number
}

const SERVER_PORT = 4200
const WORKER_PORT = 9465

/** Ten seconds of the real network. */
const EVENTS_TO_SHOW = 2_200

/**
 * Everything in one process: a server, a worker, and Redis servers of its own where no URL names one. Only one
 * `up` runs on a STATE_DIR. Whatever ends this process, the Redis servers end with it; one that was killed leaves
 * them to the next start, which ends them first.
 */
export async function openUp({ env, log, version, port }: UpSetting): Promise<UpService> {
  const closers = new Closers()
  const { stateDir } = readConfig(env)
  try {
    const claim = closers.add(await claimStateFolder(stateDir), it => it.release())
    const servers = await startMissing(env, log, closers)
    const located = { ...env, ...servers.urls }
    const config = readConfig(located)
    const worker = await openWorker({
      config,
      env: located,
      log,
      version,
      port: config.metricsPort ?? WORKER_PORT,
    })
    closers.add(worker, it => it.close())
    const server = await openServer({
      config,
      log,
      version,
      port: port ?? config.port ?? SERVER_PORT,
      portSetBy: '--port or PORT',
    })
    closers.add(server, it => it.close())
    const write = () =>
      claim.write({
        startedAt: new Date().toISOString(),
        redisUrl: config.redis.url,
        queueRedisUrl: config.queueRedis.url,
        url: server.http.url,
        redisPids: servers.pids(),
      })
    await write()
    servers.onRestart(write)
    const { part: queue, close } = watchedQueue(config)
    closers.add(queue, close)
    return {
      config,
      serverUrl: server.http.url,
      workerUrl: worker.http.url,
      queue,
      nextAt: () => nextTime(config.schedule, Date.now()),
      feed: async signal => {
        const feed = closers.add(startFeed(config, log.warning), it => it.close())
        await feed.fed(EVENTS_TO_SHOW, signal)
      },
      show: signal => show(config, signal),
      close: () => closers.close(),
    }
  } catch (error) {
    await closers.close()
    throw error
  }
}

/** Redis servers for what no variable names: the buffer, and the queue unless it is to be on a named server. */
async function startMissing(env: Env, log: Log, closers: Closers) {
  const isNamed = (name: string) => Boolean(env[name] || env[`${name}_FILE`])
  const { stateDir, redisPolicy } = readConfig(env)
  const kept: KeptRedis[] = []
  let restarted: () => Promise<void> = async () => undefined
  const start = async (name: 'buffer' | 'queue') => {
    const server = await keepRedisServer({
      confPath: fileURLToPath(new URL(`../../../compose/redis/${name}.conf`, import.meta.url)),
      folder: join(stateDir, name),
      ...(name === 'buffer' && { policy: redisPolicy }),
      warn: log.error,
      onRestart: () => restarted(),
    })
    kept.push(closers.add(server, it => it.stop()))
    return server.url
  }
  const urls: Record<string, string> = {}
  if (!isNamed('REDIS_URL')) {
    urls.REDIS_URL = await start('buffer')
    if (!isNamed('QUEUE_REDIS_URL')) urls.QUEUE_REDIS_URL = await start('queue')
  }
  return {
    urls,
    pids: () => kept.map(it => it.pid()),
    onRestart: (told: () => Promise<void>) => {
      restarted = told
    },
  }
}
