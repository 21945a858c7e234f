import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { inspect } from 'node:util'

import { afterAll, describe, expect, test } from 'vitest'
import { configVariables, type Variable } from '../src/config/variables.ts'
import { ConfigError, type Env, loadEnv, readConfig } from '../src/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'skydrain config '))
afterAll(() => rmSync(folder, { recursive: true }))

const root = join(import.meta.dirname, '..')

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function mistakesOf(env: Env): readonly string[] {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
  return []
}

describe('a configuration', () => {
  test('without any variable is the defaults', () => {
    const redis = { url: 'redis://127.0.0.1:6379', username: undefined, password: undefined, tls: undefined }
    expect(readConfig({})).toEqual({
      redis,
      queueRedis: redis,
      streamPrefix: 'bluesky_',
      consumerGroup: 'skydrain',
      allowOtherGroups: false,
      dataDir: resolve('data'),
      stateDir: resolve('.skydrain'),
      redisPolicy: 'noeviction',
      parquetWriter: 'duckdb',
      batchSize: 2000,
      fileRowsMax: 200_000,
      entryBytesMax: 16 * 1024 ** 2,
      workers: Math.min(availableParallelism(), 64),
      runTimeoutMs: 240_000,
      schedule: { cron: '*/5 * * * *', timeZone: 'UTC' },
      host: '127.0.0.1',
      port: undefined,
      metricsPort: undefined,
      publicUrl: undefined,
      auth: { login: undefined, apiKey: undefined, metricsToken: undefined },
      slackWebhookUrl: undefined,
      logLevel: 'info',
    })
  })

  test('takes every variable from the environment', () => {
    const env = {
      REDIS_URL: 'redis://buffer:7000/2',
      STREAM_PREFIX: '{eu}.bluesky_',
      CONSUMER_GROUP: 'drain-2',
      ALLOW_OTHER_GROUPS: 'true',
      DATA_DIR: '/srv/sky data',
      PARQUET_WRITER: 'parquetjs',
      BATCH_SIZE: '10',
      FILE_ROWS_MAX: '5000000',
      ENTRY_BYTES_MAX: '512MiB',
      WORKERS: '64',
      RUN_TIMEOUT: '90s',
      PATH: '/bin',
    }
    expect(readConfig(env)).toMatchObject({
      redis: { url: 'redis://buffer:7000/2' },
      streamPrefix: '{eu}.bluesky_',
      consumerGroup: 'drain-2',
      allowOtherGroups: true,
      dataDir: '/srv/sky data',
      parquetWriter: 'parquetjs',
      batchSize: 10,
      fileRowsMax: 5_000_000,
      entryBytesMax: 512 * 1024 ** 2,
      workers: 64,
      runTimeoutMs: 90_000,
    })
  })

  test('counts an empty variable as not set', () => {
    const empty = Object.fromEntries(
      configVariables.flatMap(it => [
        [it.name, ''],
        [`${it.name}_FILE`, ''],
      ]),
    )
    expect(readConfig(empty)).toEqual(readConfig({}))
  })

  test('cannot be changed', () => {
    const config = readConfig({ REDIS_URL: 'rediss://buffer' })
    for (const part of [config, config.redis, config.redis.tls]) expect(Object.isFrozen(part)).toBe(true)
  })

  test.each([
    ['RUN_TIMEOUT', '10s', { runTimeoutMs: 10_000 }],
    ['RUN_TIMEOUT', '24h', { runTimeoutMs: 86_400_000 }],
    ['ENTRY_BYTES_MAX', '1024', { entryBytesMax: 1024 }],
    ['ENTRY_BYTES_MAX', '64KiB', { entryBytesMax: 65_536 }],
    ['STREAM_PREFIX', 'x'.repeat(64), { streamPrefix: 'x'.repeat(64) }],
  ])('reads %s=%s', (name, text, expected) => {
    expect(readConfig({ [name]: text })).toMatchObject(expected)
  })
})

describe('a mistake', () => {
  test.each([
    ['BATCH_SIZE', '9'],
    ['BATCH_SIZE', '20001'],
    ['BATCH_SIZE', '2e3'],
    ['BATCH_SIZE', ' 2000'],
    ['FILE_ROWS_MAX', '99'],
    ['FILE_ROWS_MAX', '-1000'],
    ['ENTRY_BYTES_MAX', '1023'],
    ['ENTRY_BYTES_MAX', '513MiB'],
    ['ENTRY_BYTES_MAX', '16MB'],
    ['WORKERS', '0'],
    ['WORKERS', '65'],
    ['RUN_TIMEOUT', '240'],
    ['RUN_TIMEOUT', '9s'],
    ['RUN_TIMEOUT', '25h'],
    ['ALLOW_OTHER_GROUPS', 'yes'],
    ['PARQUET_WRITER', 'DuckDB'],
    ['STREAM_PREFIX', '.hidden'],
    ['STREAM_PREFIX', '../up'],
    ['STREAM_PREFIX', 'x'.repeat(65)],
    ['CONSUMER_GROUP', 'two words'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_URL', 'http://localhost:6379'],
    ['REDIS_URL', 'redis://localhost/zero'],
    ['REDIS_TLS_CA', '/nowhere/ca.pem'],
  ])('%s=%s is told with the value and what would be right', (name, text) => {
    const mistakes = mistakesOf({ [name]: text }).filter(it => it.includes('it must be'))
    expect(mistakes).toHaveLength(1)
    expect(mistakes[0]).toMatch(/^[A-Z_]+ is '.*'; it must be .+/)
    expect(mistakes[0]).toContain(`${name} is '${text}'`)
  })

  test('does not hide another: all are told at once, and the exit code is 64', () => {
    const env = {
      BATCH_SIZE: 'many',
      PARQUET_WRITER: 'arrow',
      REDIS_PASSWORD: 'a',
      REDIS_PASSWORD_FILE: '/b',
      REDIS_TLS_KEY: file('key.pem', '-----BEGIN KEY-----'),
    }
    const names = mistakesOf(env).map(it => it.split(' ')[0]?.replace(',', ''))
    expect(names.sort()).toEqual([
      'BATCH_SIZE',
      'PARQUET_WRITER',
      'REDIS_PASSWORD',
      'REDIS_TLS_KEY',
      'REDIS_TLS_KEY:',
    ])
    expect(() => readConfig(env)).toThrow(expect.objectContaining({ code: 'CONFIG', exitCode: 64 }))
    expect(() => readConfig(env)).toThrow(/PARQUET_WRITER is 'arrow'.*BATCH_SIZE is 'many'/s)
  })

  test.each([
    'redis://app:hunter2@buffer/zero',
    'redis://app:hunter2@buffer?family=6',
    'redis://app:hun@ter2/x@buffer/zero',
    'redis://buffer?password=hunter2',
    'redis://app:hunter2:6379',
    'http://app:hunter2@buffer',
    'app:hunter2@buffer',
    'hunter2',
  ])('in REDIS_URL does not show its password: %s', url => {
    const told = mistakesOf({ REDIS_URL: url, REDIS_TLS_CA: '/nowhere' }).join('\n')
    expect(told).toMatch(/REDIS_URL is '.*\*\*\*/)
    expect(told).not.toMatch(/hun|ter2/)
  })
})

describe('a secret', () => {
  const shown = (value: unknown) => [
    JSON.stringify(value),
    inspect(value, { depth: 9, showHidden: true }),
    `${value}`,
  ]

  test('is in no JSON, no inspection and no text of a configuration', () => {
    const key = file('secret-key.pem', '-----BEGIN KEY-----hunter2')
    const config = readConfig({
      REDIS_URL: 'rediss://app:hunter%402@buffer:7000',
      REDIS_TLS_CERT: file('cert.pem', '-----BEGIN CERTIFICATE-----'),
      REDIS_TLS_KEY: key,
    })
    for (const text of [...shown(config), ...shown(config.redis.password)])
      expect(text).not.toContain('hunter')
    expect(config.redis.url).toBe('rediss://buffer:7000')
    expect(config.redis.username).toBe('app')
    expect(config.redis.password?.reveal()).toBe('hunter@2')
    expect(config.redis.tls?.cert).toBe('-----BEGIN CERTIFICATE-----')
    expect(config.redis.tls?.key?.reveal()).toBe('-----BEGIN KEY-----hunter2')
  })

  test('may come from a file, whose last newline does not count', () => {
    const env = {
      REDIS_URL_FILE: file('url', 'redis://buffer\n'),
      REDIS_PASSWORD_FILE: file('password', ' hunter2 \r\n'),
    }
    const { redis } = readConfig(env)
    expect(redis.url).toBe('redis://buffer')
    expect(redis.password?.reveal()).toBe(' hunter2 ')
  })

  test('of which the file is empty or cannot be read is a mistake', () => {
    expect(mistakesOf({ REDIS_PASSWORD_FILE: '/nowhere/password' })).toEqual([
      "REDIS_PASSWORD_FILE is '/nowhere/password'; it must be a file that can be read (ENOENT)",
    ])
    expect(mistakesOf({ REDIS_URL_FILE: file('empty', '\n') })).toEqual([
      expect.stringMatching(/REDIS_URL_FILE is '.*'; the file is empty/),
    ])
  })

  test('that stands in two places is a mistake', () => {
    const REDIS_URL = 'redis://app:hunter1@buffer'
    const told = mistakesOf({ REDIS_URL, REDIS_PASSWORD: 'hunter2', REDIS_USERNAME: 'other' })
    expect(told).toHaveLength(2)
    expect(told.join()).not.toContain('hunter')
  })
})

describe('a .env file', () => {
  test('gives what the process does not set', () => {
    file('.env', 'BATCH_SIZE=77 # small\nPATH=/elsewhere\nexport STREAM_PREFIX="test_"\n')
    const env = loadEnv(folder)
    expect(readConfig(env)).toMatchObject({ batchSize: 77, streamPrefix: 'test_' })
    expect(env.PATH).toBe(process.env.PATH)
  })

  test('may be absent', () => {
    expect(loadEnv(join(folder, 'nowhere'))).toEqual({ ...process.env })
  })

  test('that cannot be read is a mistake', () => {
    mkdirSync(join(folder, 'odd', '.env'), { recursive: true })
    expect(() => loadEnv(join(folder, 'odd'))).toThrow(/cannot be read \(EISDIR\)/)
  })
})

describe('the table of variables', () => {
  test('is what .env.example shows (vitest -u writes it)', async () => {
    await expect(envExample(configVariables)).toMatchFileSnapshot(join(root, '.env.example'))
  })

  test('is what README.md shows', () => {
    const rows = configVariables.map(readmeRow)
    const readme = join(root, 'README.md')
    const lines = existsSync(readme) ? readFileSync(readme, 'utf8').split('\n') : []
    const shown = lines.filter(line => configVariables.some(it => line.startsWith(`| \`${it.name}\` |`)))
    expect(shown, `README.md needs these rows:\n${rows.join('\n')}\n`).toEqual(rows)
  })
})

function envExample(variables: readonly Variable[]): string {
  const head = '# Copy this file to .env, or set the variables in the environment, which wins.\n'
  return [head, ...variables.map(it => `# ${it.meaning}\n#${it.name}=${it.default ?? ''}\n`)].join('\n')
}

function readmeRow({ name, default: text, meaning }: Variable): string {
  return `| \`${name}\` | ${text === undefined ? '' : `\`${text}\` `}| ${meaning} |`
}
