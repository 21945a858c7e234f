import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { claimStateFolder, readRunningUp } from '../../src/embedded/state-folder.ts'
import { doneOf, errorOf, type UpChild } from './up-child.ts'
import { worldOf } from './world.ts'

const up = {
  startedAt: '2026-11-22T03:00:00.000Z',
  redisUrl: 'redis://127.0.0.1:7001',
  queueRedisUrl: 'redis://127.0.0.1:7002',
  url: 'http://127.0.0.1:4200',
  redisPids: [12, 13],
}

describe.concurrent('the state folder of an up', () => {
  test('is made, and refused to a second one as long as the first lives', async context => {
    const world = worldOf(context)
    const stateDir = join(await world.folder(), 'not', 'there yet')
    const [first, second] = [world.up(), world.up()]
    doneOf(await first.ask({ kind: 'claim', stateDir }))
    const refused = {
      code: 'already-running',
      message: `A skydrain up (process ${first.pid}) runs on ${stateDir} already. Stop it, or set STATE_DIR to another folder.`,
    }
    expect(errorOf(await second.ask({ kind: 'claim', stateDir }))).toEqual(refused)
    expect(errorOf(await second.ask({ kind: 'claim', stateDir }))).toEqual(refused)
    await expect(claimStateFolder(stateDir)).rejects.toMatchObject({ ...refused, exitCode: 1 })

    doneOf(await first.ask({ kind: 'release' }))
    doneOf(await second.ask({ kind: 'claim', stateDir }))
    expect(errorOf(await first.ask({ kind: 'claim', stateDir })).message).toContain(`(process ${second.pid})`)
    expect((await stat(stateDir)).mode & 0o077).toBe(0)
  })

  test('is refused to the same process too, until it has released it', async context => {
    const stateDir = await worldOf(context).folder()
    const first = await claimStateFolder(stateDir)
    await expect(claimStateFolder(stateDir)).rejects.toMatchObject({ code: 'already-running' })
    await first.release()
    await first.release()
    await (await claimStateFolder(stateDir)).release()
  })

  test('stays with the next one where it was removed and made again under the first', async context => {
    const world = worldOf(context)
    const stateDir = join(await world.folder(), 'state')
    const first = await claimStateFolder(stateDir)
    await rm(stateDir, { recursive: true })
    const second = world.up()
    doneOf(await second.ask({ kind: 'claim', stateDir }))
    doneOf(await second.ask({ kind: 'write', up }))
    await first.release()
    expect(await readRunningUp(stateDir)).toEqual({ pid: second.pid, ...up })
    await expect(claimStateFolder(stateDir)).rejects.toMatchObject({ code: 'already-running' })
  })

  test('is taken over from one that was killed, and holds no more files than before', async context => {
    const world = worldOf(context)
    const stateDir = await world.folder()
    for (let life = 1; life <= 3; life += 1) {
      const child = world.up()
      doneOf(await child.ask({ kind: 'claim', stateDir }))
      doneOf(await child.ask({ kind: 'write', up }))
      await writeFile(join(stateDir, 'claim.draft-of-a-killed-one'), '')
      await writeFile(join(stateDir, 'up.json.draft-of-a-killed-one'), '')
      await child.kill()
    }
    const claim = await claimStateFolder(stateDir)
    expect(await readdir(stateDir)).toEqual(['claim.4'])
    await claim.release()
  })

  test('is taken over where the pid of a killed one is that of another process now, or our own', async context => {
    const world = worldOf(context)
    const killed = join(await world.folder(), 'killed')
    await leftByKilled(world.up(), killed)
    const stranger = world.up()
    for (const pid of [stranger.pid, process.pid, 1]) {
      const stateDir = join(await world.folder(), String(pid))
      await cp(killed, stateDir, { recursive: true })
      for (const name of ['claim.1', 'up.json']) await givePid(join(stateDir, name), pid)
      expect(await readRunningUp(stateDir)).toBeUndefined()
      await (await claimStateFolder(stateDir)).release()
    }
  })

  test('is taken where a power loss or somebody else left a claim that names nobody', async context => {
    const world = worldOf(context)
    for (const content of ['', '\0\0\0\0', '{"pid":', 'null', '{"pid":"1","processStart":2}', '[]']) {
      const stateDir = await world.folder()
      await writeFile(join(stateDir, 'claim.7'), content)
      const claim = await claimStateFolder(stateDir)
      expect(await readdir(stateDir)).toEqual(['claim.8'])
      await claim.release()
    }
  })

  test('goes to exactly one of three that claim it at once, whatever was left there', async context => {
    const world = worldOf(context)
    const root = await world.folder()
    const killed = join(root, 'killed')
    await leftByKilled(world.up(), killed)
    const children = [world.up(), world.up(), world.up()]
    for (let round = 1; round <= 60; round += 1) {
      const stateDir = join(root, `round ${round}`)
      if (round % 3 === 0) await mkdir(stateDir)
      else if (round % 3 === 1) await cp(killed, stateDir, { recursive: true })
      else await (await claimStateFolder(stateDir)).release()
      const answers = await Promise.all(children.map(child => child.ask({ kind: 'claim', stateDir })))
      const winner = children[answers.findIndex(it => it.kind === 'done')]
      const refusals = answers.filter(it => it.kind === 'error').map(it => errorOf(it).message)
      expect(refusals, `round ${round}`).toHaveLength(2)
      for (const refusal of refusals) expect(refusal).toContain(`(process ${winner?.pid})`)
    }
  })

  test('passes from one to the next of many processes, and is never with two', async context => {
    const world = worldOf(context)
    const stateDir = join(await world.folder(), 'state')
    const children = [world.up(), world.up(), world.up()]
    const holders: number[] = []
    let turns = 0
    const takeTurns = async (child: UpChild) => {
      while (turns < 60) {
        const answer = await child.ask({ kind: 'claim', stateDir })
        if (answer.kind === 'error') continue
        turns += 1
        holders.push(child.pid)
        doneOf(await child.ask({ kind: 'write', up }))
        expect(await readRunningUp(stateDir)).toEqual({ pid: child.pid, ...up })
        expect(holders).toEqual([child.pid])
        holders.pop()
        doneOf(await child.ask({ kind: 'release' }))
      }
    }
    await Promise.all(children.map(takeTurns))
  })
})

describe.concurrent('where the state folder cannot be used, a sentence says so:', () => {
  test('a file stands in its place', async context => {
    const stateDir = join(await worldOf(context).folder(), 'a file')
    await writeFile(stateDir, '')
    const claim = claimStateFolder(stateDir)
    await expect(claim).rejects.toMatchObject({ code: 'state-folder-unusable', exitCode: 1 })
    await expect(claim).rejects.toThrow(`STATE_DIR cannot be used (${stateDir}: EEXIST: `)
  })

  test('what is in it may not be changed', async context => {
    const stateDir = await worldOf(context).folder()
    await mkdir(join(stateDir, 'claim.1'))
    await expect(claimStateFolder(stateDir)).rejects.toMatchObject({ code: 'state-folder-unusable' })
  })
})

describe.concurrent('other commands', () => {
  test('find the up that runs through its folder, and none when it has gone or was killed', async context => {
    const world = worldOf(context)
    const stateDir = await world.folder()
    expect(await readRunningUp(stateDir)).toBeUndefined()
    for (const end of ['release', 'kill'] as const) {
      const child = world.up()
      doneOf(await child.ask({ kind: 'claim', stateDir }))
      expect(await readRunningUp(stateDir)).toBeUndefined()
      doneOf(await child.ask({ kind: 'write', up: { ...up, redisPids: [] } }))
      doneOf(await child.ask({ kind: 'write', up }))
      expect(await readRunningUp(stateDir)).toEqual({ pid: child.pid, ...up })
      expect((await stat(join(stateDir, 'up.json'))).mode & 0o777).toBe(0o600)
      if (end === 'kill') await child.kill()
      else doneOf(await child.ask({ kind: 'release' }))
      expect(await readRunningUp(stateDir)).toBeUndefined()
    }
  })

  test('find none, and do not fail, whatever stands where the description should be', async context => {
    const stateDir = await worldOf(context).folder()
    const claim = await claimStateFolder(stateDir)
    await claim.write(up)
    const path = join(stateDir, 'up.json')
    const whole = JSON.parse(await readFile(path, 'utf8'))
    expect(await readRunningUp(stateDir)).toEqual({ pid: process.pid, ...up })
    const lacking = Object.keys(whole).map(name => JSON.stringify({ ...whole, [name]: undefined }))
    const foreign = [{ ...whole, redisPids: ['1'] }, { ...whole, url: 1 }, { ...whole, pid: -1 }, [], null, 7]
    for (const text of ['', '{', '\0', ...lacking, ...foreign.map(it => JSON.stringify(it))]) {
      await writeFile(path, text)
      expect(await readRunningUp(stateDir), text).toBeUndefined()
    }
    await rm(path)
    await mkdir(path)
    expect(await readRunningUp(stateDir)).toBeUndefined()
    expect(await readRunningUp(path)).toBeUndefined()
    await claim.release()
    await (await claimStateFolder(stateDir)).release()
  })

  test('never read half of a description while it is written again and again', async context => {
    const stateDir = await worldOf(context).folder()
    const claim = await claimStateFolder(stateDir)
    await claim.write(up)
    let isWriting = true
    const reading = (async () => {
      for (let reads = 0; ; reads += 1) {
        expect((await readRunningUp(stateDir))?.redisUrl).toBe(up.redisUrl)
        if (!isWriting) return reads
      }
    })()
    for (let n = 0; n < 200; n += 1) await claim.write({ ...up, redisPids: Array(n).fill(n) })
    isWriting = false
    expect(await reading).toBeGreaterThan(20)
    await claim.release()
    expect((await readdir(stateDir)).filter(it => it.startsWith('up.json'))).toEqual([])
  })
})

/** The folder of an `up` that was killed with -9. */
async function leftByKilled(child: UpChild, stateDir: string): Promise<void> {
  doneOf(await child.ask({ kind: 'claim', stateDir }))
  doneOf(await child.ask({ kind: 'write', up }))
  await child.kill()
}

async function givePid(path: string, pid: number): Promise<void> {
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), pid }))
}
