import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { CANARY, sentenceOf } from './skydrain.ts'
import { filesBelow, openWorld, type Place, type World } from './world.ts'

// Tests run side by side here, each in a place of its own.
vi.setConfig({ testTimeout: 180_000 })

let world: World
let place: Place

beforeAll(async () => {
  world = await openWorld()
  place = await world.place('usage')
})

afterAll(() => world?.close())

describe('--help', () => {
  for (const words of [
    '',
    'up',
    'server',
    'worker',
    'run',
    'backfill',
    'status',
    'load',
    'generate',
    'verify',
    'query',
    'rejected',
    'slack',
  ]) {
    test.concurrent(`of '${words}' shows examples and ends with 0`, async () => {
      const { code, stdout, stderr } = await place.run(...words.split(' ').filter(Boolean), '--help')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(/^Usage: skydrain/)
      expect(stdout).toMatch(/^Examples?:\n {2}\S/m)
    })
  }

  for (const words of ['rejected ls', 'rejected show', 'rejected replay']) {
    test.concurrent(`of '${words}' says what it does and ends with 0`, async () => {
      const { code, stdout, stderr } = await place.run(...words.split(' '), '--help')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(/^Usage: skydrain rejected .*\n\n\w.*/)
    })
  }

  test.concurrent('of load says that the entries get ids of now', async () => {
    expect((await place.run('load', '--help')).stdout.replaceAll(/\s+/g, ' ')).toContain(
      'The entries get ids of now.',
    )
  })
})

test.concurrent('--version prints the version alone', async () => {
  expect(await place.run('--version')).toMatchObject({ code: 0, stdout: '0.1.0\n', stderr: '' })
})

describe('the operator’s mistake ends with 64 and one sentence:', () => {
  const run = 'run data-writer --local'
  const mistakes: Readonly<Record<string, RegExp>> = {
    'run nothing --local': /'nothing' is no flow; there is data-writer\./,
    [`${run} --wait`]: /--local runs in this process and always waits; leave --wait out\./,
    'server --port 65536': /--port is '65536'; it must be a port, 0 to 65535\./,
    'up --port http': /--port is 'http'/,
    [`${run} --param types=posts,cats`]:
      /'cats' is no type; there are posts, likes, reposts, follows, blocks\./,
    [`${run} --param colour=red`]:
      /'colour=red' is no parameter of data-writer; there are types=, from= and to=\./,
    [`${run} --param from`]: /from='' is no time; try from=/,
    [`${run} --param from=yesterday`]: /from='yesterday' is no time; try from=.* or from=-2h\./,
    [`${run} --param from=2026-11-21T22:00 --param to=2026-11-21T22:00`]:
      /The window is empty: from=.* is not before to=/,
    [`${run} --param from=-1h --param to=-2h`]: /The window is empty/,
    [`${run} --param from=2999-01-01`]: /The window begins in the future: from=2999-01-01T00:00:00\.000Z\./,
    'generate --events 0': /--events is '0'; it must be a whole number from 1 to/,
    'generate --events ten': /--events is 'ten'/,
    'generate --events 5 --rate -1': /--rate is '-1'/,
    'rejected ls --type cats': /--type is 'cats'; there are posts, likes/,
    'load nowhere.ndjson': /'nowhere.ndjson' is no file; give the path of an NDJSON file/,
    'load .': /'\.' is no file; give the path of an NDJSON file/,
  }
  for (const [words, sentence] of Object.entries(mistakes)) {
    test.concurrent(words, async () => {
      const ended = await place.run(...words.split(' '))
      expect(sentenceOf(ended)).toMatch(sentence)
      expect(ended.code).toBe(64)
    })
  }

  const shapes: Readonly<Record<string, RegExp>> = {
    serve: /unknown command 'serve'/,
    'rejected drop': /unknown command 'drop'|too many arguments/,
    'status --jason': /unknown option '--jason'/,
    run: /missing required argument 'flow'/,
    load: /missing required argument 'file'/,
    generate: /required option '--events <n>' not specified/,
    'verify everything': /too many arguments for 'verify'/,
  }
  for (const [words, sentence] of Object.entries(shapes)) {
    test.concurrent(`${words}, with a hint to --help`, async () => {
      const { code, stdout, stderr } = await place.run(...words.split(' '))
      expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
      expect(stderr).toMatch(sentence)
      expect(stderr).toMatch(/^error: [^\n]+\n(\(Did you mean [^\n]+\n)?\(--help shows how it is used\)\n$/)
    })
  }

  test.concurrent('no command at all, with the help on stderr', async () => {
    const { code, stdout, stderr } = await place.run()
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(stderr).toMatch(/^Usage: skydrain/)
  })
})

describe('the configuration', () => {
  test.concurrent('is refused with all its mistakes at once, and makes nothing', async () => {
    const env = {
      BATCH_SIZE: '5',
      PARQUET_WRITER: 'csv',
      REDIS_URL: `http://u:${CANARY}@x`,
      DATA_DIR: 'made here',
      RUN_TIMEOUT: '4',
    }
    for (const words of [['run', 'data-writer', '--local', '--json'], ['verify']]) {
      const { code, stdout, stderr } = await place.with(env).run(...words)
      expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
      const [heading, ...lines] = stderr.trimEnd().split('\n')
      expect(heading).toBe('skydrain: The configuration has mistakes:')
      expect(lines.map(line => line.trim().split(' ')[0]).sort()).toEqual([
        'BATCH_SIZE',
        'PARQUET_WRITER',
        'REDIS_URL',
        'RUN_TIMEOUT',
      ])
      for (const line of lines) expect(line).toMatch(/ is '.*'; it must be /)
    }
    expect(await filesBelow(join(place.cwd, 'made here'))).toEqual([])
  })

  test.concurrent('comes from .env too, over which the environment wins', async () => {
    const { cwd, run } = await world.place('dotenv')
    await writeFile(
      join(cwd, '.env'),
      '# ours\nDATA_DIR=from dotenv\nSTREAM_PREFIX=not_this_\n\n=\nnonsense\n',
    )
    const { code, stderr } = await run('run', 'data-writer', '--local')
    expect(code, stderr).toBe(0)
    const text = await filesBelow(join(cwd, 'from dotenv'), '_dataset.json')
    expect(text).toEqual(['_dataset.json'])
    expect((await run('status')).stdout).toContain('dotenv_posts')
  })

  test.concurrent('in a .env with a bad value is refused like the environment’s', async () => {
    const { cwd, run } = await world.place('bad_dotenv')
    await writeFile(join(cwd, '.env'), 'BATCH_SIZE=lots\n')
    const { code, stderr } = await run('status')
    expect(code).toBe(64)
    expect(stderr).toContain("BATCH_SIZE is 'lots'; it must be a whole number from 10 to 20000")
  })

  test.concurrent('in a .env that cannot be read is refused with its path', async () => {
    const { cwd, run } = await world.place('no_dotenv')
    await mkdir(join(cwd, '.env'))
    const { code, stdout, stderr } = await run('status', '--json')
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(stderr).toContain(`${join(cwd, '.env')} cannot be read (EISDIR); it must be a text file`)
  })
})
