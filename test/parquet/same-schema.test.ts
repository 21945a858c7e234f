import { copyFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import type { ParquetPort } from '../../src/flows/parquet-port.ts'
import { openParquet } from '../../src/parquet/open.ts'
import { type Column, columnsOf } from '../../src/records/columns.ts'
import { type EventType, eventTypes } from '../../src/records/event-type.ts'
import { onlyPath, plainDuckDb, schemaByHyparquet, select } from './other-readers.ts'
import { awkwardTexts, awkwardTimes, HOUR_22, row } from './sample-rows.ts'
import { newFolder, writeOne } from './scratch.ts'

let duckdb: ParquetPort
let parquetjs: ParquetPort

beforeAll(async () => {
  duckdb = await openParquet({ writer: 'duckdb', warn: expect.unreachable })
  parquetjs = await openParquet({ writer: 'parquetjs', warn: expect.unreachable })
})

afterAll(async () => {
  await duckdb.close()
  await parquetjs.close()
})

const sqlTypes: Readonly<Record<Column['type'], string>> = {
  string: 'VARCHAR',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
  int32: 'INTEGER',
  boolean: 'BOOLEAN',
  list: 'VARCHAR[]',
}

test.each(eventTypes)('both writers give %s one schema, in every reader', async type => {
  const [first, second] = await writtenByBoth(type)
  const connection = await plainDuckDb()

  for (const path of [first, second]) {
    const described = await select(connection, `DESCRIBE SELECT * FROM read_parquet('${sqlPath(path)}')`)
    expect(described.map(([name, sqlType]) => [name, sqlType])).toEqual(
      columnsOf[type].map(column => [column.name, sqlTypes[column.type]]),
    )
  }
  const elements = `SELECT * EXCLUDE (file_name) FROM parquet_schema(?) WHERE name NOT IN ('schema', 'duckdb_schema')`
  expect(await select(connection, elements, [onlyPath(second)])).toEqual(
    await select(connection, elements, [onlyPath(first)]),
  )
  expect(await schemaByHyparquet(second)).toEqual(await schemaByHyparquet(first))
})

test.each(eventTypes)('%s of both writers in one folder read alike in any time zone', async type => {
  const folder = newFolder()
  const paths = await writtenByBoth(type)
  for (const [index, path] of paths.entries()) copyFileSync(path, join(folder, `${index}.parquet`))

  const connection = await plainDuckDb()
  await connection.run(`SET TimeZone = 'America/New_York'`)
  const names = columnsOf[type].map(column => `"${column.name}"`).join(', ')
  const rows = await select(
    connection,
    `SELECT count(*), any_value(event_time)::VARCHAR FROM read_parquet('${sqlPath(folder)}/*.parquet')
    GROUP BY ${names} ORDER BY stream_id`,
  )
  expect(rows).toHaveLength(awkwardTimes.length)
  for (const row of rows) expect(row).toEqual(['2', '2026-11-21 17:00:00.000001-05'])
})

async function writtenByBoth(type: EventType): Promise<[string, string]> {
  const lists = type === 'posts' ? { langs: ['en', ''], hashtags: [], image_count: 3, has_video: true } : {}
  const rows = awkwardTimes.map((created_at, index) =>
    row(type, index, {
      event_time: HOUR_22 + 1,
      created_at,
      did: awkwardTexts[index] ?? '',
      extra: index % 2 ? null : '{}',
      ...lists,
    }),
  )
  return [await writeOne(duckdb, type, rows), await writeOne(parquetjs, type, rows)]
}

function sqlPath(path: string): string {
  return onlyPath(path).replaceAll("'", "''")
}
