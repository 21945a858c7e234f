import { OperatingError, toError } from '../engine/errors.ts'

/**
 * What Redis' or the connection's error means for the person who runs this. `where` names the server, without
 * secrets; `key` the stream that was asked, where there is one.
 */
export function redisError(thrown: unknown, where: string, key = 'A key'): OperatingError {
  if (thrown instanceof OperatingError) return thrown
  const cause = toError(thrown)
  // ioredis hangs the whole command there: the password of an AUTH, the data of an XADD.
  Reflect.deleteProperty(cause, 'command')
  const { message } = cause
  const word = message.split(' ', 1)[0] ?? ''
  switch (word) {
    case 'NOAUTH':
    case 'WRONGPASS':
      return new OperatingError(
        'redis-refused',
        `Redis at ${where} refuses the login (${word}). Set REDIS_PASSWORD, and REDIS_USERNAME for an ACL user.`,
        { cause },
      )
    case 'NOPERM':
      return new OperatingError(
        'redis-refused',
        `Redis at ${where} does not let this user do it: ${message}. Give the ACL user that right.`,
        { cause },
      )
    case 'WRONGTYPE':
      return new OperatingError(
        'wrong-key-type',
        `${key} is no stream in Redis at ${where}. Rename or delete that key, or set STREAM_PREFIX to the streams' real prefix.`,
        { cause },
      )
    case 'OOM':
      return new OperatingError(
        'redis-full',
        `Redis at ${where} is full and refuses writes (OOM). Drain it with bin/skydrain run data-writer --local, or raise maxmemory.`,
        { cause },
      )
    case 'LOADING':
    case 'BUSY':
    case 'READONLY':
    case 'MISCONF':
    case 'CLUSTERDOWN':
    case 'MASTERDOWN':
    case 'TRYAGAIN':
      return new OperatingError('redis-error', `Redis at ${where} cannot answer now: ${message}`, { cause })
  }
  if (isConnectionError(cause)) {
    return new OperatingError(
      'redis-unreachable',
      `Redis at ${where} does not answer (${reasonOf(cause)}). Start it, or set REDIS_URL to the right address.`,
      { cause },
    )
  }
  return new OperatingError('redis-error', `Redis at ${where} answers with an error: ${message}`, { cause })
}

/** A reply that begins with an upper-case word comes from the server; everything else from the connection. */
function isConnectionError(error: Error): boolean {
  return error.name !== 'ReplyError'
}

function reasonOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
