import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { Redis } from 'ioredis'
import type { TestContext } from 'vitest'

import { endLeftBehind } from '../../src/embedded/left-behind.ts'
import type { RedisSettings } from '../../src/embedded/redis-process.ts'
import { type EmbeddedRedis, startRedisServer } from '../../src/embedded/redis-server.ts'
import { waitFor } from '../cli/world.ts'
import { forkUp, type UpChild } from './up-child.ts'

export const bufferConf = fileURLToPath(new URL('../../compose/redis/buffer.conf', import.meta.url))
export const queueConf = fileURLToPath(new URL('../../compose/redis/queue.conf', import.meta.url))

/** What one test opens, and how it is closed after it: the last first. */
export type World = {
  /** A folder with a space and a bracket in its path. */
  readonly folder: () => Promise<string>
  /** The shipped buffer, unless the settings say otherwise. */
  readonly server: (
    settings: Partial<RedisSettings> & { readonly folder: string },
    pickPort?: () => Promise<number>,
  ) => Promise<EmbeddedRedis>
  /** Its commands fail where the server is away. */
  readonly client: (url: string) => Redis
  readonly up: (env?: Readonly<Record<string, string>>) => UpChild
}

export function worldOf({ onTestFinished }: TestContext): World {
  return {
    folder: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'skydrain [embedded] '))
      onTestFinished(async () => {
        // Of a test that failed before it had ended them itself.
        await endLeftBehind(folder)
        await rm(folder, { recursive: true, force: true, maxRetries: 10 })
      })
      return folder
    },
    server: async (settings, pickPort) => {
      const server = await startRedisServer({ confPath: bufferConf, ...settings }, pickPort)
      onTestFinished(() => server.stop())
      return server
    },
    client: url => {
      const client = new Redis(url, { protocol: 2, retryStrategy: () => null, maxRetriesPerRequest: 0 })
      client.on('error', () => undefined)
      onTestFinished(() => client.disconnect())
      return client
    },
    up: env => {
      const up = forkUp(env)
      onTestFinished(() => up.exit())
      return up
    },
  }
}

/** What CONFIG GET says of the settings named. */
export async function configOf(client: Redis, ...names: string[]): Promise<Record<string, string>> {
  const texts = (await client.config('GET', ...(names as [string]))) as readonly string[]
  const pairs = texts.flatMap((name, at) => (at % 2 === 0 ? [[name, texts[at + 1] ?? '']] : []))
  return Object.fromEntries(pairs)
}

/** Waits until a process has ended. In some containers nobody fetches it, and it stays as a zombie. */
export async function gone(pid: number): Promise<void> {
  await waitFor(`the end of process ${pid}`, async () => (await stateOf(pid)).match(/^(Z.*)?$/) !== null)
}

/** The state that ps shows: `S`, `T` for stopped, `Z` for a zombie; empty where there is no such process. */
export async function stateOf(pid: number): Promise<string> {
  const state = promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)])
  return await state.then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )
}
