import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'

import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, expect, test } from 'vitest'

import { openParquet } from '../../src/parquet/open.ts'
import { openQuery, type Query } from '../../src/parquet/query.ts'
import { columnsOf, type Row } from '../../src/records/columns.ts'
import { type EventType, eventTypes } from '../../src/records/event-type.ts'
import { HOUR, HOUR_22, row } from './sample-rows.ts'
import { newFolder, write } from './scratch.ts'

const queries: Query[] = []

afterEach(async () => {
  for (const query of queries.splice(0)) await query.close()
})

const posts = [
  row('posts', 0, { text: 'first', langs: ['en', 'de'], image_count: 2, has_video: false }),
  row('posts', 1, { text: '😀', langs: [], event_time: HOUR_22 + HOUR + 123_456 }),
]

test('a view per type shows the rows of both writers, with their hour as integers', async () => {
  const dataDir = newFolder()
  await publish(dataDir, 'duckdb', 'posts', posts)
  await publish(dataDir, 'parquetjs', 'posts', posts)
  const query = await opened(dataDir)

  const sql = 'SELECT text, langs, event_time, year, month, day, hour, type FROM posts ORDER BY event_time'
  const first = ['first', ['en', 'de'], '2026-11-21T22:00:00.000Z', 2026, 11, 21, 22, 'posts']
  const second = ['😀', [], '2026-11-21T23:00:00.123456Z', 2026, 11, 21, 23, 'posts']
  expect(await query.run(sql)).toEqual({
    columns: ['text', 'langs', 'event_time', 'year', 'month', 'day', 'hour', 'type'],
    rows: [first, first, second, second],
  })
  expect((await query.run(`SELECT count(*) FROM posts WHERE hour > 9 AND text = '😀'`)).rows).toEqual([[2]])
})

test('a type without files is an empty view with the columns of its files', async () => {
  const dataDir = newFolder()
  await publish(dataDir, 'duckdb', 'posts', posts)
  const query = await opened(dataDir)
  for (const type of eventTypes) {
    const { columns, rows } = await query.run(`SELECT * FROM ${type}`)
    const names = columnsOf[type].map(column => column.name)
    expect(columns).toEqual([...names, 'year', 'month', 'day', 'hour', 'type'])
    expect(rows).toHaveLength(type === 'posts' ? 2 : 0)
  }
  const described = await query.run('DESCRIBE likes')
  await publish(dataDir, 'duckdb', 'likes', [row('likes', 0)])
  expect(await query.run('DESCRIBE likes')).toEqual(described)
})

test('files that arrive later are seen', async () => {
  const dataDir = newFolder()
  const query = await opened(dataDir)
  expect((await query.run('SELECT count(*) FROM likes')).rows).toEqual([[0]])
  await publish(dataDir, 'duckdb', 'likes', [row('likes', 0)])
  expect((await query.run('SELECT count(*) FROM likes')).rows).toEqual([[1]])
  await publish(dataDir, 'parquetjs', 'likes', [row('likes', 1)])
  expect((await query.run('SELECT count(*) FROM likes')).rows).toEqual([[2]])
})

test('a file from before a column was added has null there', async () => {
  const dataDir = newFolder()
  await publish(dataDir, 'parquetjs', 'posts', posts)
  const query = await opened(dataDir)
  const old = join(dataDir, 'year=2026/month=11/day=21/hour=22/type=posts/0.parquet').replaceAll("'", "''")
  const duckdb = await DuckDBInstance.create()
  const connection = await duckdb.connect()
  await connection.run(`COPY (SELECT '1-1' AS stream_id) TO '${old}' (FORMAT parquet)`)
  connection.closeSync()
  duckdb.closeSync()
  const { rows } = await query.run('SELECT stream_id, text FROM posts ORDER BY ALL')
  expect(rows[0]).toEqual(['1-1', null])
  expect(rows).toHaveLength(3)
})

test('values come as JSON can say them', async () => {
  const query = await opened(newFolder())
  const values = {
    '42::BIGINT': 42,
    '9007199254740993::BIGINT': '9007199254740993',
    '1.50::DECIMAL(9,2)': '1.50',
    '0.5::DOUBLE': 0.5,
    "'nan'::DOUBLE": 'NaN',
    true: true,
    NULL: null,
    '[1, NULL]::BIGINT[]': [1, null],
    "{'a': 1::BIGINT, 'b': ['x']}": { a: 1, b: ['x'] },
    "MAP {'k': 1}": [{ key: 'k', value: 1 }],
    "DATE '2026-11-21'": '2026-11-21',
    "TIMESTAMP '2026-11-21 22:00:00.5'": '2026-11-21T22:00:00.500',
    "TIMESTAMPTZ '1969-12-31 23:59:59.999999+00'": '1969-12-31T23:59:59.999999Z',
    "'infinity'::TIMESTAMPTZ": 'infinity',
    "current_setting('TimeZone')": 'UTC',
  }
  const { rows } = await query.run(`SELECT ${Object.keys(values).join(', ')}`)
  expect(rows).toEqual([Object.values(values)])
  expect(JSON.parse(JSON.stringify(rows))).toEqual(rows)
})

test('a mistake in the SQL is one line', async () => {
  const query = await opened(newFolder())
  await expect(query.run('SELECT absent FROM posts')).rejects.toThrow(/^Binder Error: .*absent.*$/)
  await expect(query.run('SELEC 1')).rejects.toThrow(/^Parser Error: .*SELEC.*$/)
  expect((await query.run('SELECT 1')).rows).toEqual([[1]])
})

test('only one SELECT is run, and nothing is written', async () => {
  const dataDir = newFolder()
  const query = await opened(dataDir)
  const out = join(dataDir, 'out.csv')
  const copy = `COPY (SELECT 1) TO '${out.replaceAll("'", "''")}'`
  for (const sql of [
    copy,
    `SELECT 1; ${copy}`,
    `EXPLAIN ANALYZE ${copy}`,
    'DROP VIEW posts',
    "SET TimeZone = 'Asia/Tokyo'",
    '',
    '-- nothing',
  ]) {
    await expect(query.run(sql), sql).rejects.toThrow('only one SELECT can be run')
  }
  expect(existsSync(out)).toBe(false)
  for (const sql of [
    'FROM posts',
    'WITH a AS (SELECT 1) FROM a',
    'DESCRIBE posts',
    'SUMMARIZE posts',
    'SELECT 1;',
  ]) {
    await expect(query.run(sql), sql).resolves.toBeDefined()
  }
})

test('an aborted signal interrupts a statement that runs', async () => {
  const query = await opened(newFolder())
  const controller = new AbortController()
  const endless = query.run(
    'SELECT count(*) FROM range(1000000000000000) AS a(i) WHERE sqrt(i) = 0.5',
    controller.signal,
  )
  setImmediate(() => controller.abort())
  await expect(endless).rejects.toThrow()
  expect((await query.run('SELECT 1')).rows).toEqual([[1]])
})

test('without DuckDB it says that it needs it', async () => {
  const load = async () => {
    throw new Error('no binary')
  }
  await expect(openQuery({ dataDir: newFolder() }, load)).rejects.toThrow(/needs DuckDB/)
})

async function opened(dataDir: string): Promise<Query> {
  const query = await openQuery({ dataDir })
  queries.push(query)
  return query
}

let published = 0

/** Puts rows where a committed and published file stands. */
async function publish(dataDir: string, writer: 'duckdb' | 'parquetjs', type: EventType, rows: Row[]) {
  const port = await openParquet({ writer, warn: expect.unreachable })
  for (const file of await write(port, type, rows)) {
    const folder = join(dataDir, file.partition)
    mkdirSync(folder, { recursive: true })
    published += 1
    renameSync(file.path, join(folder, `${published}.parquet`))
  }
  await port.close()
}
