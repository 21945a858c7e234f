import { Redis, type RedisOptions } from 'ioredis'

import { redisError } from './redis-errors.ts'
import { within } from './within.ts'

/** A Redis server and how to log in there. `username` and `password` win over those in the URL. */
export type RedisAddress = {
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** PEM texts. Certificates are verified, with the system's authorities where `ca` is missing. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
}

const CONNECT_TIMEOUT_MS = 10_000

/** A server that loads its data lets nobody in, and ioredis would ask it for ever. */
const READY_TIMEOUT_MS = 30_000

/** A command that has not answered by then counts as lost: XRANGE of 64 MB takes under a second. */
const COMMAND_TIMEOUT_MS = 30_000

/**
 * Opens one connection that never comes back once it is lost: nothing is sent again behind our back, since a
 * second XADD would double an entry, and an XDEL on another server could delete what nobody read.
 * Throws `redis-unreachable` or `redis-refused`, the first also when the signal is aborted before it stands.
 */
export async function connectRedis(address: RedisAddress, signal?: AbortSignal): Promise<Redis> {
  const redis = new Redis(address.url, optionsOf(address))
  let lastError: unknown
  redis.on('error', error => {
    lastError = error
  })
  try {
    await within(READY_TIMEOUT_MS, redis.connect(), signal)
    return redis
  } catch (error) {
    // To disconnect what has ended already would keep the process for two more seconds.
    if (redis.status !== 'end') redis.disconnect()
    throw redisError(lastError ?? error, whereIs(address))
  }
}

/** The server's address as a message may show it: without user, password or query. */
export function whereIs({ url }: RedisAddress): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}

function optionsOf({ username, password, tls }: RedisAddress) {
  return {
    lazyConnect: true,
    protocol: 2,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectionName: 'skydrain',
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
  } satisfies RedisOptions
}
