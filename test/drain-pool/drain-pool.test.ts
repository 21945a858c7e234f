import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { type RedisServer, startRedis } from '../redis-server.ts'

/** Compiled by the build, since worker threads load JavaScript. */
const blockedMain = fileURLToPath(new URL('../../dist/test/drain-pool/blocked-main.js', import.meta.url))

let redis: RedisServer
let folder: string

beforeAll(async () => {
  redis = await startRedis()
  folder = await mkdtemp(join(tmpdir(), 'skydrain pool-'))
})

afterAll(async () => {
  await redis?.stop()
  await rm(folder, { recursive: true, force: true })
})

test.each(['duckdb', 'parquetjs'])(
  'a drain reads, encodes and commits while the main thread is held (%s)',
  async writer => {
    const prefix = `${writer}_`
    const data = JSON.stringify({
      did: 'did:plc:a',
      time_us: 1_700_000_000_000_000,
      kind: 'commit',
      commit: { operation: 'delete', collection: 'app.bsky.feed.like', rkey: 'a' },
    })
    for (let n = 0; n < 100; n += 1) await redis.client.xadd(`${prefix}likes`, '*', 'data', data)
    const env = {
      PATH: process.env.PATH,
      REDIS_URL: redis.url,
      STREAM_PREFIX: prefix,
      DATA_DIR: join(folder, writer),
      PARQUET_WRITER: writer,
    }
    const { stdout } = await promisify(execFile)(process.execPath, [blockedMain], { env })
    expect(stdout).toBe('1\n')
    expect(await redis.client.xlen(`${prefix}likes`)).toBe(0)
  },
)
