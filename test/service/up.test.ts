import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type Running, skydrain, startSkydrain } from '../cli/skydrain.ts'
import { waitFor } from '../cli/world.ts'

let cwd: string
let started: Running[] = []

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'skydrain up of a test-'))
  started = []
})
afterEach(async () => {
  for (const { child } of started) child.kill('SIGTERM')
  await Promise.allSettled(started.map(it => it.ended))
  await rm(cwd, { recursive: true, force: true })
})

const env = { PORT: '0', METRICS_PORT: '0', WORKERS: '1' }

function up(...words: string[]): Running {
  const running = startSkydrain(['up', ...words], { cwd, env })
  running.ended.catch(() => undefined)
  started.push(running)
  return running
}

type Up = {
  readonly pid: number
  readonly redisUrl: string
  readonly url: string
  readonly redisPids: number[]
}

function described(): Up {
  return JSON.parse(readFileSync(join(cwd, '.skydrain', 'up.json'), 'utf8'))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z')
  } catch {
    return false
  }
}

test('up --demo --once drains made events within 30 s, shows what it wrote and where, and ends all it started', async () => {
  const startedAt = Date.now()
  const running = up('--demo', '--once')
  const pids = await waitFor('up.json', async () => {
    try {
      return described().redisPids
    } catch {
      return undefined
    }
  })
  expect(pids).toHaveLength(2)
  const { code, stdout, stderr } = await running.ended
  expect(code, stderr).toBe(0)
  expect(Date.now() - startedAt).toBeLessThan(30_000)
  for (const type of ['posts', 'likes', 'reposts', 'follows', 'blocks']) {
    expect(stdout).toMatch(new RegExp(`^${type} +[1-9][\\d,]* +[1-9]`, 'm'))
    expect(stdout).toContain(`  type=${type}\n    `)
  }
  expect(stdout).toMatch(/Completed in \d/)
  expect(stdout).toMatch(/data\/year=\d{4}\/month=\d\d\/day=\d\d\/hour=\d\d\n/)
  expect(stdout).toMatch(/bin\/skydrain query "SELECT .*"\nlang +posts\n/)
  expect(stdout).toMatch(/health +http:\/\/127\.0\.0\.1:\d+\/health\/ready\n/)
  expect(stdout).toContain(`dataset   ${join(cwd, 'data')}\n`)
  await waitFor('the Redis servers to be gone', async () => !pids.some(isAlive))

  // A second start goes on where the first one was: the dataset only grows.
  const rows = await rowsOf()
  expect((await up('--once').ended).code).toBe(0)
  expect(await rowsOf()).toBeGreaterThan(rows)
  expect(JSON.parse((await skydrain(['verify', '--json'], { cwd, env })).stdout)).toMatchObject({ ok: true })
})

test('what is on the streams when up ends is there when it starts again, and other commands find its servers', async () => {
  const first = up()
  await waitFor('up.json', async () => readyUrl())
  expect((await skydrain(['generate', '--events', '500'], { cwd, env })).code).toBe(0)
  const { redisPids } = described()
  first.child.kill('SIGINT')
  expect(await first.ended).toMatchObject({ code: 0, signal: null })
  expect(redisPids.some(isAlive)).toBe(false)

  up()
  await waitFor('up.json', async () => readyUrl())
  const status = await skydrain(['status', '--json'], { cwd, env })
  const { streams, workers } = JSON.parse(status.stdout)
  expect(workers).toBe(1)
  expect(streams.reduce((sum: number, it: { length: number }) => sum + it.length, 0)).toBe(500)
  const run = await skydrain(['run', 'data-writer', '--wait', '--json'], { cwd, env })
  expect(JSON.parse(run.stdout)).toMatchObject({ state: 'Completed', remaining: 0 })
  expect(await rowsOf()).toBe(500)
})

test('a second up on the same STATE_DIR is refused, and harms nothing', async () => {
  up()
  await waitFor('up.json', async () => readyUrl())
  const second = await up().ended
  expect([second.code, second.stdout]).toEqual([1, ''])
  expect(second.stderr).toContain(`runs on ${join(cwd, '.skydrain')} already. Stop it, or set STATE_DIR`)
  expect(described().redisPids.every(isAlive)).toBe(true)
})

test('an up that was killed with -9 leaves nothing behind that the next one does not end', async () => {
  const first = up()
  await waitFor('up.json', async () => readyUrl())
  const { redisPids: left, redisUrl } = described()
  const client = new Redis(redisUrl)
  await client.set('kept', 'yes')
  await waitFor('the AOF to be on disk', async () =>
    (await client.info('persistence')).includes('aof_pending_bio_fsync:0'),
  )
  client.disconnect()
  first.child.kill('SIGKILL')
  await first.ended
  expect(left.every(isAlive)).toBe(true)
  up()
  await waitFor('the next up', async () => readyUrl(left))
  expect(left.some(isAlive)).toBe(false)
  const again = new Redis(described().redisUrl)
  expect(await again.get('kept')).toBe('yes')
  again.disconnect()
})

test('a Redis server of up that dies is started again on its port, and the service goes on', async () => {
  const running = up()
  await waitFor('up.json', async () => readyUrl())
  const { redisPids: before, redisUrl } = described()
  process.kill(before[0] ?? 0, 'SIGKILL')
  await waitFor('another pid of it', async () => described().redisPids[0] !== before[0])
  expect(described().redisUrl).toBe(redisUrl)
  expect((await skydrain(['generate', '--events', '300'], { cwd, env })).code).toBe(0)
  const run = await skydrain(['run', 'data-writer', '--wait', '--json'], { cwd, env })
  expect(JSON.parse(run.stdout)).toMatchObject({ state: 'Completed' })
  expect(await rowsOf()).toBe(300)
  running.child.kill('SIGTERM')
  expect((await running.ended).code).toBe(0)
})

test('a port in use is told, and nothing of what was started is left', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  try {
    const { code, stdout, stderr } = await up('--port', String(port)).ended
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(
      `Port ${port} on 127.0.0.1 is in use. Stop what uses it, or choose another with --port or PORT.`,
    )
  } finally {
    server.close()
  }
})

test('--demo is refused where REDIS_URL names a server that may hold real events', async () => {
  const place = { cwd, env: { ...env, REDIS_URL: 'redis://127.0.0.1:1' } }
  const { code, stderr } = await skydrain(['up', '--demo'], place)
  expect([code, stderr]).toEqual([64, expect.stringContaining('--demo puts made events on the streams')])
})

/** The server's URL once it answers; undefined before, and while the description is of an earlier `up`. */
async function readyUrl(not: readonly number[] = []): Promise<string | undefined> {
  try {
    const { url, redisPids } = described()
    if (redisPids.some(it => not.includes(it))) return undefined
    const { ok } = await fetch(`${url}/health/live`)
    return ok ? url : undefined
  } catch {
    return undefined
  }
}

async function rowsOf(): Promise<number> {
  const { stdout } = await skydrain(['verify', '--json'], { cwd, env })
  return JSON.parse(stdout).rows
}

test('Ctrl-C while up --demo waits for its first events ends it, and all it started, at once', async () => {
  const running = up('--demo')
  await running.says('In ten seconds they are drained')
  const { redisPids } = described()
  running.child.kill('SIGINT')
  const { code, stdout } = await running.ended
  expect([code, stdout]).toEqual([0, ''])
  expect(redisPids.some(isAlive)).toBe(false)
})
