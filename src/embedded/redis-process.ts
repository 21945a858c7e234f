import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { forgetServer, rememberServer, type ServerNote } from './left-behind.ts'

export type RedisSettings = {
  /** The configuration file. The port, the folder and the policy given here win over what it says. */
  readonly confPath: string
  /** Of the server's data, log and pid; made where it is missing. No other server may use it. */
  readonly folder: string
  /** The one port to take; any free one when missing. */
  readonly port?: number
  readonly policy?: 'noeviction' | 'allkeys-lru'
}

/** A process that was spawned, whether or not it serves. */
export type RedisProcess = {
  readonly pid: number
  readonly folder: string
  readonly port: number
  readonly signal: (signal: 'SIGTERM' | 'SIGKILL') => void
  /** Resolves when the process has ended, with how: `ended with exit code 1`. */
  readonly ended: Promise<string>
  readonly log: () => Promise<string>
}

/**
 * Spawns redis-server in a session of its own, which a Ctrl-C in our terminal does not reach. A process of ours
 * that exits, however early, has it end too; only after a SIGKILL does it live on, for `endLeftBehind`.
 */
export async function spawnRedis(settings: RedisSettings, port: number): Promise<RedisProcess> {
  const { confPath, folder } = settings
  const logPath = join(folder, 'redis.log')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await using conf = await open(confPath, 'r')
  await using log = await open(logPath, 'w', 0o600)
  const child = spawn('redis-server', optionsOf(settings, port), {
    detached: true,
    stdio: [conf.fd, log.fd, log.fd],
  })
  const ended = endOf(child)
  // No pid: it could not be spawned, and `ended` says so.
  const pid = child.pid ?? 0
  if (pid !== 0) endWithUs(child, ended, { pid, port, folder })
  return {
    pid,
    folder,
    port,
    signal: signal => {
      child.kill(signal)
    },
    ended,
    // Somebody may have removed the file, and the server is none the worse for it.
    log: () => readFile(logPath, 'utf8').catch(() => ''),
  }
}

/**
 * The `-` reads the configuration from standard input: as a file name, one with a bracket or a star in its path
 * is a pattern to Redis, and where nothing matches it Redis starts without any configuration.
 */
function optionsOf({ folder, policy }: RedisSettings, port: number): string[] {
  return [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
    ...(policy === undefined ? [] : ['--maxmemory-policy', policy]),
    '-',
  ]
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.once('error', error => resolve(`could not be run (${error.message})`))
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`)
    })
  })
}

function endWithUs(
  child: ChildProcess,
  ended: Promise<string>,
  server: ServerNote & { readonly folder: string },
): void {
  const terminate = () => child.kill('SIGTERM')
  process.once('exit', terminate)
  void ended.then(() => {
    process.removeListener('exit', terminate)
    forgetServer(server.folder, server.pid)
  })
  try {
    // In the same turn as the spawn, so that a process of ours that is killed has left a note of its server.
    rememberServer(server)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}
