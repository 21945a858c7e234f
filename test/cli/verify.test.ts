import { copyFile, cp, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, assert, beforeAll, expect, test, vi } from 'vitest'

import { countsOf } from './read-back.ts'
import {
  addDeletes,
  drained,
  filesBelow,
  openWorld,
  type Place,
  recordsOf,
  type VerifyDocument,
  verified,
  type World,
} from './world.ts'

// Tests run side by side here, each in a place of its own.
vi.setConfig({ testTimeout: 180_000 })

let world: World
let sound: Place
let copies = 0

/** 250 likes in three files, 4 posts in one, and 2 rejected posts. */
const SOUND = { ok: true, files: 4, rows: 254, duplicates: 0, missing: 0, orphans: 0, problems: [] }

beforeAll(async () => {
  world = await openWorld()
  sound = await world.place('sound', { FILE_ROWS_MAX: '100' })
  await addDeletes(sound, 'likes', 250)
  await addDeletes(sound, 'posts', 4)
  for (const text of ['bad', 'worse']) await sound.client.xadd('sound_posts', '*', 'data', text)
  await drained(sound)
})

afterAll(() => world?.close())

/** A copy of the sound dataset, for one test to harm. */
async function copied(): Promise<Place> {
  copies += 1
  const place = sound.with({ DATA_DIR: join(world.folder, `copy ${copies}`) })
  await cp(sound.dataDir, place.dataDir, { recursive: true })
  return place
}

async function likesFile({ dataDir }: Place): Promise<string> {
  const [path] = (await filesBelow(dataDir, '.parquet')).filter(file => file.includes('type=likes'))
  assert(path !== undefined)
  return join(dataDir, path)
}

function expectOnly(
  { problems, ...counts }: VerifyDocument,
  expected: Partial<VerifyDocument>,
  path: string,
  mend: RegExp,
) {
  expect(counts).toEqual({
    ok: false,
    files: 4,
    rows: 254,
    duplicates: 0,
    missing: 0,
    orphans: 0,
    ...expected,
  })
  expect(problems).toMatchObject([{ path, message: expect.stringMatching(mend) }])
}

test.concurrent('a sound dataset is told sound, in JSON and in words', async () => {
  expect(await verified(sound)).toEqual(SOUND)
  expect(await sound.run('verify')).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^All is well: 4 files, 254 rows/),
  })
})

test.concurrent('a deleted file: its rows are missing, with the record that says so, and the mend', async () => {
  const place = await copied()
  const path = await likesFile(place)
  await rm(path)
  const mend = /^Committed with 100 rows by record 1, and gone\. Restore it from a backup of DATA_DIR\.$/
  expectOnly(await verified(place), { rows: 154, missing: 100 }, path, mend)

  const { code, stdout } = await place.run('verify')
  expect(code).toBe(1)
  expect(stdout).toBe(
    `${path}\n  Committed with 100 rows by record 1, and gone. Restore it from a backup of DATA_DIR.\n1 problem: 4 files, 154 rows, 0 duplicates, 100 missing, 0 orphans\n`,
  )
})

test.concurrent('a changed byte: the file is damaged, and its rows are missing', async () => {
  const place = await copied()
  const path = await likesFile(place)
  const content = await readFile(path)
  const at = Math.floor(content.length / 2)
  content.writeUInt8(content.readUInt8(at) ^ 1, at)
  await writeFile(path, content)
  expectOnly(
    await verified(place),
    { rows: 154, missing: 100 },
    path,
    /^Its checksum is another .* Restore it from a backup/,
  )
})

test.concurrent('a file cut short: its sizes then and now, and its rows are missing', async () => {
  const place = await copied()
  const path = await likesFile(place)
  const { length } = await readFile(path)
  await truncate(path, length - 10)
  const mend = new RegExp(`^It has ${length - 10} bytes, and ${length} when it was committed\\. Restore it`)
  expectOnly(await verified(place), { rows: 154, missing: 100 }, path, mend)
})

test.concurrent('a foreign Parquet file in a partition: an orphan, which readers see', async () => {
  const place = await copied()
  const path = join(dirname(await likesFile(place)), 'foreign.parquet')
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  await connection.run(`COPY (SELECT '1-1' AS stream_id) TO '${path.replaceAll("'", "''")}' (FORMAT parquet)`)
  instance.closeSync()
  expectOnly(
    await verified(place),
    { orphans: 1 },
    path,
    /^No commit record names it, but readers see its rows\. Move it out of DATA_DIR/,
  )
})

test.concurrent('a copy of a file beside it: an orphan, whose rows readers see twice', async () => {
  const place = await copied()
  const file = await likesFile(place)
  const path = file.replace('.parquet', '-copy.parquet')
  await copyFile(file, path)
  expect((await countsOf(place.dataDir)).likes).toEqual({ rows: 350, ids: 250 })
  expectOnly(
    await verified(place),
    { orphans: 1 },
    path,
    /^No commit record names it, but readers see its rows\. Move it/,
  )
})

test.concurrent('a rejected file that was changed: its entries are missing', async () => {
  const place = await copied()
  const [name] = await filesBelow(join(place.dataDir, '_rejected'), '.ndjson')
  assert(name !== undefined)
  const path = join(place.dataDir, '_rejected', name)
  await writeFile(path, (await readFile(path, 'utf8')).replace('worse', 'wurst'))
  expectOnly(
    await verified(place),
    { missing: 2 },
    path,
    /^Its checksum is another .* Restore it from a backup/,
  )
})

test.concurrent('every problem has a path and a message, and nothing else', async () => {
  const place = await copied()
  await rm(await likesFile(place))
  for (const problem of (await verified(place)).problems)
    expect(Object.keys(problem)).toEqual(['path', 'message'])
})

test.concurrent('several faults are all told, in one call', async () => {
  const place = await copied()
  const gone = await likesFile(place)
  const [name] = (await filesBelow(place.dataDir, '.parquet')).filter(file => file.includes('type=posts'))
  const cut = join(place.dataDir, name ?? '')
  await rm(gone)
  await truncate(cut, 4)
  const { ok, rows, missing, problems } = await verified(place)
  expect({ ok, rows, missing }).toEqual({ ok: false, rows: 150, missing: 104 })
  expect(problems.map(({ path }) => path).sort()).toEqual([gone, cut].sort())
})

test.concurrent('what a crashed attempt left in staging is counted, and is no fault', async () => {
  const place = await copied()
  const attempt = join(place.dataDir, '_staging', 'sound_likes', 'an-attempt')
  await mkdir(attempt)
  await writeFile(join(attempt, '0.part'), 'half a file')
  expect(await verified(place)).toEqual({ ...SOUND, orphans: 1 })
})

test.concurrent('a committed file that is not published: missing and told, until --repair publishes it', async () => {
  const place = await copied()
  const copy = { ...place, dataDir: place.dataDir, prefix: 'sound_' }
  const [record] = await recordsOf(copy, 'likes')
  const { files } = JSON.parse(await readFile(record ?? '', 'utf8'))
  const [staged, path] = [join(place.dataDir, files[0].staged), join(place.dataDir, files[0].path)]
  await mkdir(dirname(staged), { recursive: true })
  await rename(path, staged)
  const mend =
    /^Committed with 100 rows by record 1, and not published yet\. The next run does it, or bin\/skydrain verify --repair\.$/
  expectOnly(await verified(place), { rows: 154, missing: 100, orphans: 1 }, path, mend)

  expect(await verified(place, '--repair')).toEqual(SOUND)
  expect(await filesBelow(join(place.dataDir, '_staging'))).toEqual([])
  expect((await countsOf(place.dataDir)).likes).toEqual({ rows: 250, ids: 250 })
})

test.concurrent('--repair deletes no row, and ends with 1 where a file is gone', async () => {
  const place = await copied()
  const path = await likesFile(place)
  await rm(path)
  const { code, stdout, stderr } = await place.run('verify', '--repair')
  expect(code).toBe(1)
  expect(stdout + stderr).toContain(path.slice(place.dataDir.length + 1))
  expect((await filesBelow(place.dataDir, '.parquet')).length).toBe(3)
})

test.concurrent('--repair leaves what it cannot mend for the verdict', async () => {
  const place = await copied()
  await rm(await likesFile(place))
  expect(await verified(place, '--repair')).toMatchObject({ ok: false, rows: 154, missing: 100 })
})
