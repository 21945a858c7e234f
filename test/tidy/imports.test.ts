import { describe, expect, test } from 'vitest'

import { circleOf, environmentReaders, forbiddenImports } from './imports.ts'

const packages = ['@duckdb/node-api', 'commander', 'ioredis', 'parquetjs-lite', 'zod']

describe('the checks of imports', () => {
  const forbidden = (path: string, source: string) => forbiddenImports(new Map([[path, source]]), packages)

  test.each([
    ['src/engine/task.ts', "import { x } from 'ioredis'"],
    ['src/engine/task.ts', "import type {\n  Drain,\n  Batch,\n} from '../flows/drain.ts'"],
    ['src/records/row.ts', "const x = await import('../engine/errors.ts')"],
    ['src/records/row.ts', "export * from '../engine/errors.ts'"],
    ['src/records/row.ts', "let x: import('../engine/errors.ts').Errors"],
    ['src/streams/read.ts', "import '../dataset/disk.ts'"],
    ['src/streams/read.ts', "import { readConfig } from '../config.ts'"],
    ['src/dataset/disk.ts', "import { DuckDBInstance } from '@duckdb/node-api/lib/x.js'"],
    ['src/dataset/disk.ts', "const lite = require('parquetjs-lite')"],
    ['src/cli/run.ts', "import { openStreams } from '../streams/redis.ts'"],
    ['src/cli/run.ts', "import { main } from '../cli.ts'"],
    ['src/config/forms.ts', "import { main } from '../service.ts'"],
    ['src/service.ts', "import { expect } from 'vitest'"],
    ['src/service.ts', "import { fakeRedis } from '../test/redis.ts'"],
    ['src/service.ts', "import { env } from 'node:process'"],
    ['src/helpers/all.ts', "import { x } from '../records/columns.ts'"],
  ])('find in %s: %s', (path, source) => {
    expect(forbidden(path, source)).toHaveLength(1)
  })

  test.each([
    [
      'src/service.ts',
      "import { openStreams } from './streams/redis.ts'\nimport manifest from '../package.json'",
    ],
    ['src/cli/run.ts', "import { openService } from '../service.ts'\nimport { Command } from 'commander'"],
    ['src/flows/drain.ts', "// import 'ioredis'\n/* import '../config.ts' */\nimport { z } from 'zod/v4'"],
    ['src/flows/drain.ts', "const url = 'redis://x' // from '../service.ts'"],
  ])('leave in peace %s: %s', (path, source) => {
    expect(forbidden(path, source)).toEqual([])
  })

  test('find a circle and a reader of the environment', () => {
    const circle = new Map([
      ['src/flows/a.ts', "import type { B } from './b.ts'"],
      ['src/flows/b.ts', "import { c } from '../records/c.ts'"],
      ['src/records/c.ts', "export { a } from '../flows/a.ts'"],
    ])
    expect(circleOf(circle)).toEqual([...circle.keys(), 'src/flows/a.ts'])
    for (const code of ['process.env.HOME', "process['env']", 'const { env } = process']) {
      expect(environmentReaders(new Map([['src/flows/a.ts', code]]))).toEqual(['src/flows/a.ts'])
    }
  })
})
