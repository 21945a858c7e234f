import { copyFile, readFile, rename, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, assert, beforeAll, expect, test, vi } from 'vitest'

import { expectRowsOnce } from './read-back.ts'
import { expectRefused, RUN } from './refused.ts'
import { documentOf, sentenceOf } from './skydrain.ts'
import {
  addDeletes,
  drained,
  lengths,
  noEntries,
  openWorld,
  recordsOf,
  verified,
  type World,
} from './world.ts'

// Tests run side by side here, each in a place of its own.
vi.setConfig({ testTimeout: 180_000 })

let world: World

beforeAll(async () => {
  world = await openWorld()
})

afterAll(() => world?.close())

test.concurrent('a layout of another version, or a description that is no JSON: 1 from every command, with its path', async () => {
  const place = await world.place('layout')
  await drained(place)
  await addDeletes(place, 'likes', 3)
  const description = join(place.dataDir, '_dataset.json')
  const ours = await readFile(description, 'utf8')
  for (const [text, version] of [
    [ours.replace('"layout_version": 1', '"layout_version": 2'), '2'],
    ['{', 'nothing readable'],
  ] as const) {
    await writeFile(description, text)
    const sentence = new RegExp(
      `_dataset\\.json says layout version ${version}; this version of skydrain knows 1\\. Use `,
    )
    await expectRefused(place, sentence)
    for (const words of [['verify', '--json'], ['status']]) {
      const ended = await place.run(...words)
      expect(sentenceOf(ended)).toMatch(sentence)
      expect(ended.code).toBe(1)
    }
  }
  await writeFile(description, ours)
  await drained(place)
  await expectRowsOnce(place, { likes: 3 })
})

test.concurrent('a dataset of streams of another prefix: 1 with both names, and the entries stay', async () => {
  const place = await world.place('prefix')
  await drained(place)
  const other = { ...place.with({ STREAM_PREFIX: 'other_' }), prefix: 'other_' }
  await addDeletes(other, 'likes', 3)
  await expectRefused(
    other,
    /was made from the stream prefix_posts and STREAM_PREFIX now names other_posts\. Set STREAM_PREFIX back/,
  )
})

for (const [harm, does] of [
  ['cut short', async (path: string) => truncate(path, 200)],
  ['changed by a byte', async (path: string) => flipDigit(path)],
] as const) {
  test.concurrent(`the newest commit record ${harm}: 1 with its path, its stream waits and the others go on`, async () => {
    const place = await world.place(`record_${harm.replaceAll(' ', '_')}`)
    await addDeletes(place, 'likes', 3)
    await drained(place)
    const [record] = await recordsOf(place, 'likes')
    assert(record !== undefined)
    const kept = join(place.cwd, 'kept.json')
    await copyFile(record, kept)
    await does(record)
    await addDeletes(place, 'likes', 4)
    await addDeletes(place, 'posts', 5)

    const ended = await place.run(...RUN, '--json')
    expect(ended.stderr).toMatch(
      /^skydrain: likes: The commit record \S+ .*0001\.json cannot be read: .* until it is restored, .*\n$/,
    )
    expect(ended.code).toBe(1)
    expect(documentOf(ended)).toMatchObject({
      state: 'Failed',
      types: { likes: { read: 0 }, posts: { written: 5 } },
    })
    expect(await lengths(place)).toEqual({ ...noEntries, likes: 4 })
    const verdict = await verified(place)
    expect(verdict.ok).toBe(false)
    expect(verdict.problems.map(({ message }) => message).join()).toContain('cannot be read')

    await copyFile(kept, record)
    await drained(place)
    await expectRowsOnce(place, { likes: 7, posts: 5 })
  })
}

test.concurrent('a commit record missing from the middle: 1 with its name, its stream waits until it is back', async () => {
  const place = await world.place('hole', { FILE_ROWS_MAX: '100' })
  await addDeletes(place, 'likes', 250)
  await drained(place)
  const [, second] = await recordsOf(place, 'likes')
  assert(second !== undefined)
  await rename(second, join(place.cwd, 'kept.json'))
  await addDeletes(place, 'likes', 4)
  await expectRefused(
    place,
    /likes: The commit record .*0002\.json is missing from .*, and there are later ones up to 3\./,
  )
  const verdict = await verified(place)
  expect(verdict).toMatchObject({ ok: false, rows: 150, orphans: 1 })
  expect(verdict.problems[0]).toEqual({ path: 'hole_likes', message: 'Record 2 of hole_likes is missing.' })

  await rename(join(place.cwd, 'kept.json'), second)
  await drained(place)
  await expectRowsOnce(place, { likes: 254 })
})

async function flipDigit(path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace('"rows":3', '"rows":2'))
}
