import { expect, test } from 'vitest'

import { openParquet } from '../../src/parquet/open.ts'
import { rows } from './sample-rows.ts'
import { writeOne } from './scratch.ts'

const noBinary = async () => {
  throw new Error(
    "Cannot find module '@duckdb/node-bindings-linux-x64-musl/duckdb.node'\nRequire stack:\n- duckdb.js",
  )
}

test('DuckDB writes where it can', async () => {
  const port = await openParquet({ writer: 'duckdb', warn: expect.unreachable })
  expect(port.writer).toBe('duckdb')
  await port.close()
  await port.close()
})

test('parquetjs-lite takes over where the binary of DuckDB does not load, and says why, once', async () => {
  const warnings: string[] = []
  const port = await openParquet({ writer: 'duckdb', warn: message => warnings.push(message) }, noBinary)
  expect(port.writer).toBe('parquetjs')
  expect(warnings).toEqual([
    'DuckDB cannot be loaded here, so parquetjs-lite writes the Parquet files: ' +
      "Cannot find module '@duckdb/node-bindings-linux-x64-musl/duckdb.node'",
  ])
  const path = await writeOne(port, 'likes', rows('likes', 3))
  expect(await port.readIds(path)).toHaveLength(3)
  await port.close()
  await port.close()
})

test('parquetjs-lite does not touch DuckDB when it was asked for itself', async () => {
  const port = await openParquet({ writer: 'parquetjs', warn: expect.unreachable }, noBinary)
  expect(port.writer).toBe('parquetjs')
})
