import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { claimStateFolder } from '../../src/embedded/state-folder.ts'
import { startRedis } from '../redis-server.ts'
import { doneOf } from './up-child.ts'
import { bufferConf, queueConf, stateOf, type World, worldOf } from './world.ts'

describe.concurrent('the Redis servers of an up that was killed', () => {
  test('have ended when the next one has the folder, which finds all their data', async context => {
    const world = worldOf(context)
    const { stateDir, urls, pids, kill } = await upWithServers(world)
    for (const url of urls) await world.client(url).set('a', url)
    await kill()
    for (const url of urls) expect(await world.client(url).get('a')).toBe(url)

    const claim = await claimStateFolder(stateDir)
    for (const pid of pids) expect(await stateOf(pid)).toMatch(/^(Z.*)?$/)
    for (const [at, name] of ['buffer', 'queue'].entries()) {
      const folder = join(stateDir, name)
      expect(await readFile(join(folder, 'redis.log'), 'utf8')).toContain('bye bye')
      const server = await world.server({ folder, confPath: at === 0 ? bufferConf : queueConf })
      expect(await world.client(server.url).get('a')).toBe(urls[at])
    }
    await claim.release()
  })

  test('are left alone while it lives', async context => {
    const world = worldOf(context)
    const { stateDir, urls } = await upWithServers(world)
    await expect(claimStateFolder(stateDir)).rejects.toMatchObject({ code: 'already-running' })
    for (const url of urls) expect(await world.client(url).ping()).toBe('PONG')
  })

  test('are killed where they are suspended', async context => {
    const world = worldOf(context)
    const { stateDir, pids, kill } = await upWithServers(world)
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    await kill()
    await (await claimStateFolder(stateDir)).release()
    for (const pid of pids) expect(await stateOf(pid)).toMatch(/^(Z.*)?$/)
  })

  test('leave no note once they were stopped, or ended by themselves', async context => {
    const world = worldOf(context)
    const folder = await world.folder()
    const stopped = await world.server({ folder })
    expect(await readFile(join(folder, 'redis.pid'), 'utf8')).toBe(`${stopped.pid} ${stopped.port}\n`)
    await stopped.stop()
    expect(await readdir(folder)).not.toContain('redis.pid')
    const died = await world.server({ folder })
    process.kill(died.pid, 'SIGKILL')
    await died.died
    expect(await readdir(folder)).not.toContain('redis.pid')
  })
})

describe.concurrent('a process that was never ours is left alone', () => {
  test('where it has the pid of a server that was left behind', async context => {
    const world = worldOf(context)
    const stateDir = await world.folder()
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' })
    context.onTestFinished(() => {
      stranger.kill()
    })
    await once(stranger, 'spawn')
    const redis = await startRedis()
    context.onTestFinished(() => redis.stop())
    const notes = [
      `${stranger.pid} 60\n`,
      `${redis.pid} ${redis.port - 1}\n`,
      `${redis.pid} ${redis.port}`,
      '',
      '0 1\n',
    ]
    for (const [at, note] of notes.entries()) {
      await mkdir(join(stateDir, String(at)))
      await writeFile(join(stateDir, String(at), 'redis.pid'), note)
    }
    await (await claimStateFolder(stateDir)).release()
    expect(await stateOf(stranger.pid ?? 0)).toMatch(/^S/)
    expect(await redis.client.ping()).toBe('PONG')
    expect((await readdir(stateDir, { recursive: true })).filter(it => it.endsWith('redis.pid'))).toEqual([])
  })
})

/** A process with a claim and two servers; they end with the test. */
async function upWithServers(world: World) {
  const stateDir = await world.folder()
  const up = world.up()
  doneOf(await up.ask({ kind: 'claim', stateDir }))
  const urls: string[] = []
  const pids: number[] = []
  for (const [name, confPath] of [
    ['buffer', bufferConf],
    ['queue', queueConf],
  ] as const) {
    const url = doneOf(await up.ask({ kind: 'start', settings: { confPath, folder: join(stateDir, name) } }))
    const info = await world.client(url).info('server')
    urls.push(url)
    pids.push(Number(/process_id:(\d+)/.exec(info)?.[1]))
  }
  return { stateDir, urls, pids, kill: up.kill }
}
