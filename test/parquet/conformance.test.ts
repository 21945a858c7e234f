import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { ParquetPort } from '../../src/flows/parquet-port.ts'
import { openParquet } from '../../src/parquet/open.ts'
import type { columnsOf, Row } from '../../src/records/columns.ts'
import { eventTypes } from '../../src/records/event-type.ts'
import { partitionOf } from '../../src/records/partition.ts'
import { onlyPath, plainDuckDb, rowsByHyparquet, select } from './other-readers.ts'
import {
  anyRows,
  awkwardTexts,
  awkwardTimes,
  HOUR,
  HOUR_22,
  row,
  rowOfStrings,
  rows,
  stringColumns,
} from './sample-rows.ts'
import { newFolder, openBelow, write, writeOne, writerOptions } from './scratch.ts'

/** The least that DuckDB makes a row group of. */
const ROW_GROUP_ROWS = 2048

const ports = new Map<string, ParquetPort>()

beforeAll(async () => {
  for (const writer of ['duckdb', 'parquetjs'] as const) {
    ports.set(writer, await openParquet({ writer, warn: expect.unreachable, rowGroupRows: ROW_GROUP_ROWS }))
  }
})

afterAll(async () => {
  for (const port of ports.values()) await port.close()
})

describe.each(['duckdb', 'parquetjs'] as const)('the %s writer', writer => {
  const port = () => portOf(writer)

  test.each(eventTypes)('keeps any %s, value for value, in every reader', async type => {
    await fc.assert(
      fc.asyncProperty(anyRows(type), async given => {
        for (const file of await write(port(), type, given)) {
          const expected = given.filter(row => partitionOf(type, Number(row.event_time)) === file.partition)
          await expectInAllReaders(file.path, type, expected)
        }
      }),
      { numRuns: 12 },
    )
  })

  test('keeps awkward text, in strings and in lists', async () => {
    const given = awkwardTexts.map((text, index) =>
      row('posts', index, { text, langs: [text], hashtags: [text, '', text], extra: text }),
    )
    await expectInAllReaders(await writeOne(port(), 'posts', given), 'posts', given)
  })

  test('tells a list that is null from an empty one and from one of an empty string', async () => {
    const lists = [null, [], [''], ['a', 'b'], [], null, ['😀', '', '\u{10000}']]
    const given = lists.map((langs, index) => row('posts', index, { langs }))
    await expectInAllReaders(await writeOne(port(), 'posts', given), 'posts', given)
  })

  test('keeps times to the microsecond', async () => {
    const given = awkwardTimes.map((created_at, index) => row('likes', index, { created_at }))
    await expectInAllReaders(await writeOne(port(), 'likes', given), 'likes', given)
  })

  test('keeps strings of a megabyte', async () => {
    const given = rows('posts', 20, index => ({
      text: `${index}😀`.repeat(250_000),
      langs: ['é'.repeat(500_000)],
    }))
    await expectInAllReaders(await writeOne(port(), 'posts', given), 'posts', given)
  })

  test.each(eventTypes)('lets a reader that prunes by statistics find any text in %s', async type => {
    // By UTF-16 code units 😀 and U+10000 come before U+FFFD, by bytes after it.
    const texts = ['a', '\ufffd', '😀', '\u{10000}', '']
    const given = rows(type, 2 * ROW_GROUP_ROWS).map((_, index) =>
      rowOfStrings(type, index, texts[index % texts.length] ?? ''),
    )
    const path = await writeOne(port(), type, given)
    const duckdb = await plainDuckDb()
    for (const column of stringColumns(type)) {
      for (const text of texts) {
        const sql = `SELECT count(*) FROM read_parquet(?) WHERE "${column}" = ?`
        const expected = given.filter(row => row[column] === text).length
        expect(await select(duckdb, sql, [onlyPath(path), text])).toEqual([[String(expected)]])
      }
    }
  })

  test('lets a reader that prunes by statistics find any time, number and flag', async () => {
    const given = rows('posts', 2 * ROW_GROUP_ROWS, index => ({
      created_at: awkwardTimes[index % awkwardTimes.length] ?? 0,
      image_count: index % 3 === 0 ? null : index - 1000,
      has_video: index < ROW_GROUP_ROWS,
    }))
    const path = onlyPath(await writeOne(port(), 'posts', given))
    const duckdb = await plainDuckDb()
    const count = `SELECT count(*) FROM read_parquet(?) WHERE`
    for (const time of awkwardTimes) {
      const expected = String(given.filter(row => row.created_at === time).length)
      expect(await select(duckdb, `${count} created_at = make_timestamptz(${time})`, [path])).toEqual([
        [expected],
      ])
    }
    expect(await select(duckdb, `${count} image_count = -998`, [path])).toEqual([['1']])
    expect(await select(duckdb, `${count} NOT has_video`, [path])).toEqual([[String(ROW_GROUP_ROWS)]])
    expect(await select(duckdb, `${count} image_count IS NULL`, [path])).toEqual([['1366']])
  })

  test('makes several row groups and keeps the order across them', async () => {
    const given = rows('likes', 2 * ROW_GROUP_ROWS + 7, index => ({ rkey: String(index) }))
    const path = await writeOne(port(), 'likes', given)
    await expectInAllReaders(path, 'likes', given)
    const groups = 'SELECT num_row_groups FROM parquet_file_metadata(?)'
    expect(await select(await plainDuckDb(), groups, [onlyPath(path)])).toEqual([['3']])
  })

  test('writes three hundred partitions at once, none under a name that a glob for Parquet finds', async () => {
    const options = writerOptions('follows')
    const given = rows('follows', 900, index => ({ event_time: HOUR_22 + (index % 300) * HOUR + index }))
    const partitionWriter = await port().openWriter(options)
    await partitionWriter.append(given)
    expect(openBelow(options.folder).length).toBeLessThan(3)
    const files = await partitionWriter.finish()

    expect(files).toHaveLength(300)
    expect(files.map(file => file.partition)).toEqual(files.map(file => file.partition).sort())
    expect(readdirSync(options.folder).filter(name => name.endsWith('.parquet'))).toEqual([])
    for (const file of [files[0], files[150], files[299]]) {
      if (file === undefined) throw new Error('A file is missing')
      const ids = given.filter(row => partitionOf('follows', Number(row.event_time)) === file.partition)
      expect(await port().readIds(file.path)).toEqual(ids.map(row => row.stream_id))
      expect(file).toMatchObject({ rows: 3, firstId: ids[0]?.stream_id, lastId: ids[2]?.stream_id })
    }
  })

  test('states rows, run, stream, ids and schema version in the footer', async () => {
    const given = ['9-9', '9-10', '10-0'].map(stream_id => row('blocks', 0, { stream_id }))
    const [file] = await write(port(), 'blocks', given)
    expect(file).toMatchObject({ rows: 3, firstId: '9-9', lastId: '10-0' })
    for (const reader of ports.values()) {
      expect(await reader.readFooter(file?.path ?? '')).toEqual({
        rows: 3,
        metadata: {
          'skydrain.run': `run of "it's"`,
          'skydrain.stream': 'bluesky_posts',
          'skydrain.first_id': '9-9',
          'skydrain.last_id': '10-0',
          'skydrain.schema_version': '1',
        },
      })
    }
  })

  test('writes no file for no rows', async () => {
    const options = writerOptions('likes')
    const partitionWriter = await port().openWriter(options)
    await partitionWriter.append([])
    expect(await partitionWriter.finish()).toEqual([])
    expect(readdirSync(options.folder)).toEqual([])
  })

  test('holds nothing open and takes nothing more once it is discarded', async () => {
    const options = writerOptions('likes')
    const partitionWriter = await port().openWriter(options)
    await partitionWriter.append(rows('likes', ROW_GROUP_ROWS + 10))
    await partitionWriter.discard()
    await partitionWriter.discard()
    expect(openBelow(options.folder)).toEqual([])
    await expect(partitionWriter.append(rows('likes', 1))).rejects.toThrow('finished')
    await expect(partitionWriter.finish()).rejects.toThrow(Error)
  })

  test('leaves its files alone when it is discarded after finish', async () => {
    const options = writerOptions('likes')
    const partitionWriter = await port().openWriter(options)
    await partitionWriter.append(rows('likes', 3))
    const [file] = await partitionWriter.finish()
    await partitionWriter.discard()
    expect(await port().readIds(file?.path ?? '')).toHaveLength(3)
    expect(readdirSync(options.folder)).toEqual(['0.part'])
  })

  test('does not mix up two writers that are open at once', async () => {
    const likes = rows('likes', 50, index => ({ rkey: `like ${index}` }))
    const posts = rows('posts', 50, index => ({ rkey: `post ${index}` }))
    const forLikes = await port().openWriter(writerOptions('likes'))
    const forPosts = await port().openWriter(writerOptions('posts'))
    for (let start = 0; start < 50; start += 10) {
      await Promise.all([
        forLikes.append(likes.slice(start, start + 10)),
        forPosts.append(posts.slice(start, start + 10)),
      ])
    }
    const [[likesFile], [postsFile]] = await Promise.all([forLikes.finish(), forPosts.finish()])
    await expectInAllReaders(likesFile?.path ?? '', 'likes', likes)
    await expectInAllReaders(postsFile?.path ?? '', 'posts', posts)
  })

  test('refuses a value that its column cannot hold, by name', async () => {
    const misfits = [{ did: null }, { rkey: 7 }, { created_at: 1.5 }, { cid: ['a'] }, { created_at: 2 ** 63 }]
    for (const misfit of misfits) {
      const [name = ''] = Object.keys(misfit)
      await expect(write(port(), 'likes', [row('likes', 0), row('likes', 1, misfit)])).rejects.toThrow(name)
    }
  })

  test('throws an Error with the path where it cannot write', async () => {
    const folder = join(newFolder(), 'absent')
    const partitionWriter = await port().openWriter(writerOptions('likes', folder))
    await partitionWriter.append(rows('likes', 3))
    await expect(partitionWriter.finish()).rejects.toThrow(`${folder}/0.part`)
    await partitionWriter.discard()
  })

  test('reads the rows that are asked for, in the order of the file', async () => {
    const given = rows('likes', 3000)
    const path = await writeOne(port(), 'likes', given)
    const ids = [given[2900], given[5], given[1700]].map(row => String(row?.stream_id))
    for (const reader of ports.values()) {
      const found = await reader.readRows(path, 'likes', [...ids, '1-1'])
      expect(found).toEqual([given[5], given[1700], given[2900]])
      expect(await reader.readRows(path, 'likes', [])).toEqual([])
    }
  })

  test('tells a broken file by its path, and never takes it for a whole one', async () => {
    const whole = readFileSync(await writeOne(port(), 'likes', rows('likes', 100)))
    const broken = {
      empty: Buffer.alloc(0),
      'cut short': whole.subarray(0, -1),
      'without a footer': whole.subarray(0, whole.length / 2),
      text: Buffer.from('{"stream_id":"1-1"}\n'.repeat(50)),
    }
    for (const [name, bytes] of Object.entries(broken)) {
      const path = join(newFolder(), name)
      writeFileSync(path, bytes)
      for (const reader of ports.values()) await expect(reader.readFooter(path)).rejects.toThrow(path)
    }
    for (const reader of ports.values()) await expect(reader.readFooter('/absent')).rejects.toThrow('/absent')
  })
})

function portOf(writer: string): ParquetPort {
  const port = ports.get(writer)
  if (port === undefined) throw new Error(`No port ${writer}`)
  return port
}

async function expectInAllReaders(path: string, type: keyof typeof columnsOf, expected: readonly Row[]) {
  for (const reader of ports.values()) {
    expect(await reader.readRows(path, type)).toEqual(expected)
    expect(await reader.readIds(path)).toEqual(expected.map(row => row.stream_id))
    expect((await reader.readFooter(path)).rows).toBe(expected.length)
  }
  expect(await rowsByHyparquet(path)).toEqual(expected)
}
