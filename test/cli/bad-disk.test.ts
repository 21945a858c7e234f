import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { expectExactlyOnce, expectRowsOnce } from './read-back.ts'
import { expectRefused, RUN } from './refused.ts'
import { documentOf, sentenceOf, skydrain } from './skydrain.ts'
import { canInject, canMount, mountSmallDisk } from './tmpfs.ts'
import {
  addDeletes,
  drained,
  filesBelow,
  lengths,
  noEntries,
  openWorld,
  type Place,
  type RunDocument,
  verified,
  type World,
} from './world.ts'

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
if (!canMount) console.warn('Skipped: the tests of a full disk, because nothing can be mounted here')
if (!canInject) console.warn('Skipped: the test without hard links, because strace does not run here')

// Tests run side by side here, each in a place of its own.
vi.setConfig({ testTimeout: 180_000 })

let world: World

beforeAll(async () => {
  world = await openWorld()
})

afterAll(() => world?.close())

test.concurrent('a DATA_DIR that this user may not write: 1 with its path, and the entries stay', async () => {
  const place = await world.place('readonly')
  await addDeletes(place, 'likes', 3)
  await mkdir(place.dataDir)
  await chmod(place.dataDir, 0o555)
  const as = isRoot ? { uid: NOBODY } : {}
  const sentence = /DATA_DIR may not be written \(EACCES at .*\)\. Give this user the right/
  await expectRefused(place, sentence, () => skydrain(RUN, { ...place, ...as }))
  await chmod(place.dataDir, 0o755)
  await drained(place)
  await expectRowsOnce(place, { likes: 3 })
})

for (const writer of ['duckdb', 'parquetjs']) {
  const name = `a full disk: 1, the entries stay, no half file; with room it goes on (${writer})`
  test.skipIf(!canMount).concurrent(name, async () => {
    const disk = await mountSmallDisk('2m')
    try {
      const env = { DATA_DIR: disk.folder, PARQUET_WRITER: writer }
      await expectFull(await world.place(`small_${writer}`, env), () => disk.resize('64m'))
    } finally {
      await disk.close()
    }
  })
}

async function expectFull(place: Place, makeRoom: () => void): Promise<void> {
  await place.run('generate', '--events', '30000')
  const loaded = await lengths(place)
  const ended = await place.run(...RUN, '--json')
  expect(ended.code).toBe(1)
  expect(ended.stderr).toMatch(
    /^skydrain: .*The disk of DATA_DIR is full \(ENOSPC at \/proc\/.*\)\. Free some space and run again: /,
  )
  const { state, types } = documentOf<RunDocument>(ended)
  expect(state).toBe('Failed')
  expect(types.likes.written).toBe(0)
  const left = Object.entries(types).map(([type, { written }]) => [type, (loaded[type] ?? 0) - written])
  expect(await lengths(place)).toEqual(Object.fromEntries(left))

  makeRoom()
  expect(await verified(place)).toMatchObject({ ok: true, duplicates: 0, missing: 0 })
  await drained(place)
  await expectExactlyOnce(place, loaded)
}

const linkless = 'a file system without hard links: 1, with what to choose, and the entries stay'
test.skipIf(!canInject).concurrent(linkless, async () => {
  const place = await world.place('linkless')
  await addDeletes(place, 'likes', 3)
  const under = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'inject=link,linkat:error=EPERM']
  const sentence =
    /DATA_DIR \(.*\) cannot make hard links \(EPERM\), .* Set DATA_DIR to a folder on a file system that can/
  await expectRefused(place, sentence, () => skydrain(RUN, { ...place, under }))
  expect(await filesBelow(place.dataDir)).toEqual([])
  await drained(place)
  await expectRowsOnce(place, { likes: 3 })
})

test.concurrent('a DATA_DIR that is a file: 1, and the file stays as it is', async () => {
  const place = await world.place('file')
  await addDeletes(place, 'likes', 3)
  await writeFile(join(place.cwd, 'afile'), 'mine')
  for (const words of [RUN, ['verify', '--json']]) {
    const ended = await place.with({ DATA_DIR: 'afile' }).run(...words)
    expect(sentenceOf(ended)).toMatch(/DATA_DIR.*ENOTDIR at .*afile/)
    expect(ended.code).toBe(1)
  }
  expect(await lengths(place)).toEqual({ ...noEntries, likes: 3 })
})

test.concurrent('SQL that does not hold: 1, with the first line of what DuckDB says; a query without a dataset too', async () => {
  const place = await world.place('sql')
  for (const words of [
    ['query', 'SELECT 1'],
    ['verify', '--json'],
    ['rejected', 'replay'],
  ]) {
    const ended = await place.run(...words)
    expect(sentenceOf(ended)).toMatch(
      /^skydrain: There is no dataset in .*data yet\. bin\/skydrain run data-writer --local makes it;/,
    )
    expect(ended.code).toBe(1)
  }
  expect(await filesBelow(place.cwd)).toEqual([])
  await drained(place)
  for (const sql of ['SELEKT 1\nFROM posts', `SELECT 'x'::INTEGER`]) {
    const ended = await place.run('query', sql)
    expect(sentenceOf(ended)).toMatch(/^skydrain: \w+ Error: /)
    expect(ended.code).toBe(1)
  }
})

test.concurrent('a rejected file that nobody has: 1, with where to look', async () => {
  const place = await world.place('nofile')
  await drained(place)
  const ended = await place.run('rejected', 'show', '1-1')
  expect(sentenceOf(ended)).toMatch(
    /'1-1' names no rejected file of this dataset\. bin\/skydrain rejected ls lists them\./,
  )
  expect(ended.code).toBe(1)
})
