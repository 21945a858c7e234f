import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type KeptRedis, keepRedisServer } from '../../src/embedded/kept-redis.ts'
import { waitFor } from '../cli/world.ts'

const confPath = fileURLToPath(new URL('../../compose/redis/queue.conf', import.meta.url))

let folder: string
let warnings: string[]
let restarts: number
let server: KeptRedis

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skydrain kept-'))
  warnings = []
  restarts = 0
  const onRestart = async () => {
    restarts += 1
  }
  server = await keepRedisServer({ confPath, folder, warn: it => warnings.push(it), onRestart })
})
afterEach(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function answers(): Promise<boolean> {
  const client = new Redis(server.url, { retryStrategy: () => null, lazyConnect: true })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}

test('a server that is killed, twice, is started again on its port, with what it held', async () => {
  const client = new Redis(server.url)
  client.on('error', () => undefined)
  await client.set('kept', 'yes')
  await client.call('WAITAOF', '1', '0', '1000').catch(() => client.bgrewriteaof())
  for (const times of [1, 2]) {
    process.kill(server.pid(), 'SIGKILL')
    await waitFor('the restart', async () => restarts === times)
    expect(await answers()).toBe(true)
  }
  expect(await client.get('kept')).toBe('yes')
  client.disconnect()
  expect(warnings).toEqual([
    expect.stringContaining('It is started again.'),
    expect.stringContaining('It is started again.'),
  ])
})

test('a server that is stopped stays away, also when it has just died', async () => {
  const first = server.pid()
  process.kill(first, 'SIGKILL')
  await waitFor('the death to be seen', async () => warnings.length > 0)
  await server.stop()
  expect(await answers()).toBe(false)
  expect(() => process.kill(server.pid(), 0)).toThrow()
})
