import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Redis } from 'ioredis'

export type RedisServer = {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly client: Redis
  /** Kills the server without a word, as a crash does. Its files stay. */
  readonly kill: () => Promise<void>
  /** Starts it again, on the same port and files. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** A Redis server of its own for a test: a free loopback port, a folder for its files, AOF on. */
export async function startRedis(...options: string[]): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'skydrain-redis-'))
  const port = await freePort()
  let server = await spawnRedis(folder, port, options)
  const client = new Redis(port, '127.0.0.1', { protocol: 2, retryStrategy: () => 20 })
  client.on('error', () => undefined)
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill('SIGKILL')
    await exited
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid ?? 0
    },
    client,
    kill,
    restart: async () => {
      await kill()
      server = await spawnRedis(folder, port, options)
    },
    stop: async () => {
      client.disconnect()
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function spawnRedis(folder: string, port: number, options: readonly string[]): Promise<ChildProcess> {
  const server = spawn(
    'redis-server',
    [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--appendonly',
      'yes',
      '--save',
      '',
      ...options,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await new Promise<void>((resolve, reject) => {
    let output = ''
    server.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('Ready to accept connections')) resolve()
    })
    server.once('error', reject)
    server.once('exit', code => reject(new Error(`redis-server ended with ${code}: ${output}`)))
  })
  server.removeAllListeners('exit')
  return server
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
