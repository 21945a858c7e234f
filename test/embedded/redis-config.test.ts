import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'

import { waitFor } from '../cli/world.ts'
import { freePort, startRedis } from '../redis-server.ts'
import { bufferConf, configOf, queueConf, worldOf } from './world.ts'

const MIB = 1024 * 1024

describe.concurrent('the configuration that is shipped', () => {
  test.for([
    ['buffer', bufferConf, 2048 * MIB],
    ['queue', queueConf, 256 * MIB],
  ] as const)(
    'makes the %s refuse writes when it is full, and keep them otherwise',
    async ([, confPath, bytes], context) => {
      const world = worldOf(context)
      const server = await world.server({ folder: await world.folder(), confPath })
      const names = [
        'maxmemory',
        'maxmemory-policy',
        'appendonly',
        'appendfsync',
        'save',
        'bind',
        'protected-mode',
      ]
      expect(await configOf(world.client(server.url), ...names)).toEqual({
        maxmemory: String(bytes),
        'maxmemory-policy': 'noeviction',
        appendonly: 'yes',
        appendfsync: 'everysec',
        save: '',
        bind: '127.0.0.1',
        'protected-mode': 'yes',
      })
    },
  )

  test.for([
    ['buffer.conf', bufferConf],
    ['queue.conf', queueConf],
  ] as const)(
    'is the same where Redis is given %s as its file, as in a container',
    async ([, confPath], context) => {
      const world = worldOf(context)
      const [embedded, folder] = [join(await world.folder(), 'a'), await world.folder()]
      const server = await world.server({ folder: embedded, confPath })
      const port = await freePort()
      const own = spawn('redis-server', [confPath, '--port', String(port), '--dir', folder], {
        stdio: 'ignore',
      })
      context.onTestFinished(async () => {
        own.kill('SIGKILL')
        if (own.exitCode === null && own.signalCode === null) await once(own, 'exit')
      })
      const ofFile = await waitFor('a Redis server', async () => {
        return await everySetting(world.client(`redis://127.0.0.1:${port}`)).catch(() => undefined)
      })
      const ofEmbedded = await everySetting(world.client(server.url))
      const differing = Object.keys(ofFile).filter(name => ofFile[name] !== ofEmbedded[name])
      expect(differing.toSorted()).toEqual(['bind', 'dir', 'port'])
      expect(ofFile.bind).toBe('127.0.0.1 -::1')
    },
  )

  test.for([
    ['buffer.conf', bufferConf],
    ['queue.conf', queueConf],
  ] as const)(
    'gives in %s a reason for every setting, and says of those that are Redis’ default that they are',
    async ([, confPath], context) => {
      const redis = await startRedis('--appendonly', 'no', '--save', '3600 1 300 100 60 10000')
      context.onTestFinished(() => redis.stop())
      const unset: Record<string, string> = { ...(await everySetting(redis.client)), bind: '* -::*' }
      const settings = settingsIn(confPath)
      expect(settings.map(it => it.name)).not.toContain('port')
      expect(settings.map(it => it.name)).not.toContain('dir')
      for (const { name, value, reason } of settings) {
        expect(reason, name).not.toBe('')
        expect([name, reason.startsWith("Redis' default, kept: ")]).toEqual([name, unset[name] === value])
      }
    },
  )
})

/** The settings in a file, each with the comment right above it. */
function settingsIn(path: string) {
  const paragraphs = readFileSync(path, 'utf8').trimEnd().split('\n\n').slice(1)
  return paragraphs.map(paragraph => {
    const lines = paragraph.split('\n')
    const [name = '', ...words] = (lines.pop() ?? '').split(' ')
    const value = words.join(' ').replaceAll('"', '')
    return { name, value, reason: lines.map(line => line.replace(/^# /, '')).join(' ') }
  })
}

async function everySetting(client: Redis): Promise<Record<string, string>> {
  return await configOf(client, '*')
}
