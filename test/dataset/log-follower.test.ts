import { readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { sealed, serializeRecord } from '../../src/dataset/commit-record.ts'
import type { Dataset } from '../../src/dataset/dataset.ts'
import { type Disk, nodeDisk } from '../../src/dataset/disk.ts'
import { checkpointPath, recordPath } from '../../src/dataset/layout.ts'
import { LogFollower } from '../../src/dataset/log-follower.ts'
import {
  commit,
  craft,
  entries,
  fingerprintOf,
  idOf,
  newDataset,
  openLog,
  recordsOf,
  refusal,
  stream,
} from './dataset-folder.ts'

/** A log of records without files, each over one id. */
async function longLog(from: number, to: number, dataset?: Dataset): Promise<Dataset> {
  const whole = dataset ?? (await newDataset())
  for (let number = from; number <= to; number += 1) {
    await craft(whole, { number, run: `run-${number}`, runs: [[idOf(number), idOf(number), 1]] })
  }
  return whole
}

/** A log of so many records that is folded up to the last but `tail`. */
async function foldedLog(records: number, tail: number): Promise<Dataset> {
  const dataset = await longLog(1, records - tail)
  await (await openLog(dataset)).fold()
  return await longLog(records - tail + 1, records, dataset)
}

type Calls = { reads: string[]; names: number }

/** Follows over a disk that can only be read, and notes what is. */
function follow(dataset: Dataset): { follower: LogFollower; calls: Calls } {
  const calls: Calls = { reads: [], names: 0 }
  const never = () => expect.unreachable('it wrote')
  const writes = [
    'makeFolder',
    'writeFile',
    'appendFile',
    'syncFile',
    'syncFolder',
    'link',
    'rename',
    'removeFile',
    'removeFolder',
    'removeTree',
  ] as const satisfies readonly (keyof Disk)[]
  const disk: Disk = {
    ...nodeDisk,
    ...Object.fromEntries(writes.map(it => [it, never])),
    read: async path => {
      const content = await nodeDisk.read(path)
      if (content !== undefined) calls.reads.push(path.slice(-10))
      return content
    },
    list: async folder => {
      const names = await nodeDisk.list(folder)
      calls.names += names.length
      return names
    },
  }
  return { follower: new LogFollower({ disk, root: dataset.folder, stream }), calls }
}

const pathOf = ({ folder }: Dataset, number: number) => join(folder, recordPath(stream, number))

describe('a log that is followed', () => {
  test('tells which ids are committed, and its newest record, as they come', async () => {
    const dataset = await newDataset()
    const { follower } = follow(dataset)
    await follower.refresh()
    expect([follower.newest, follower.covers(idOf(1))]).toEqual([undefined, false])

    const log = await openLog(dataset)
    await commit(log, entries(10, 20))
    await commit(log, entries(30, 40))
    expect(follower.covers(idOf(10))).toBe(false)
    const before = await fingerprintOf(dataset.folder)
    await follower.refresh()
    expect([9, 10, 20, 21, 30, 40, 41].filter(n => follower.covers(idOf(n)))).toEqual([10, 20, 30, 40])
    expect(follower.overlaps(idOf(21), idOf(29))).toBe(false)
    expect(follower.overlaps(idOf(21), idOf(30))).toBe(true)
    expect(follower.newest).toEqual((await recordsOf(dataset))[1])
    expect(await fingerprintOf(dataset.folder)).toEqual(before)
  })

  test('lists the committed ranges from an id on', async () => {
    const dataset = await newDataset()
    const log = await openLog(dataset)
    for (const n of [10, 30, 50]) await commit(log, entries(n, n + 5))
    const { follower } = follow(dataset)
    await follower.refresh()
    const ranges = [10, 30, 50].map(n => ({ from: idOf(n), to: idOf(n + 5) }))
    expect(follower.committedFrom(idOf(0))).toEqual(ranges)
    expect(follower.committedFrom(idOf(15))).toEqual(ranges)
    expect(follower.committedFrom(idOf(16))).toEqual(ranges.slice(1))
    expect(follower.committedFrom(idOf(53))).toEqual(ranges.slice(2))
    expect(follower.committedFrom(idOf(56))).toEqual([])
  })

  test('is opened from its checkpoint; then each look reads only what came since', async () => {
    const dataset = await foldedLog(140, 30)
    const { follower, calls } = follow(dataset)
    await follower.refresh()
    // The checkpoint, the record that it reaches to (to see that it fits, then as the newest), and the tail.
    expect(calls.reads).toHaveLength(1 + 2 + 30)
    expect([1, 110, 111, 140, 141].map(n => follower.covers(idOf(n)))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ])

    calls.reads.length = 0
    await follower.refresh()
    expect(calls.reads).toEqual([])
    await longLog(141, 142, dataset)
    await follower.refresh()
    expect(calls.reads).toEqual(['00141.json', '00142.json'])
    expect(follower.covers(idOf(142))).toBe(true)
    expect(follower.newest?.run).toBe('run-142')
  })

  test('has its newest record also where the checkpoint holds all of it', async () => {
    const dataset = await foldedLog(110, 0)
    const { follower } = follow(dataset)
    await follower.refresh()
    expect(follower.newest?.run).toBe('run-110')
    await longLog(111, 111, dataset)
    await follower.refresh()
    expect(follower.newest?.run).toBe('run-111')
  })

  test('is looked at in its newest folder alone, however long it is', async () => {
    const dataset = await newDataset()
    await longLog(1, 3, dataset)
    await longLog(9_998, 10_001, dataset)
    // Of the records between, which this test does without, only names are asked for.
    const between = Array.from({ length: 9_994 }, (_, at) => pathOf(dataset, 4 + at))
    await Promise.all(between.map(path => writeFile(path, '')))
    await writeCheckpointAt(dataset, 9_998)
    const { follower, calls } = follow(dataset)
    await follower.refresh()
    expect(follower.newest?.number).toBe(10_001)
    calls.names = 0
    await longLog(10_002, 10_002, dataset)
    await follower.refresh()
    expect(follower.newest?.number).toBe(10_002)
    expect(calls.names).toBeLessThan(10)
  })

  test('is read anew where it was put back to an older state', async () => {
    const dataset = await longLog(1, 5)
    const { follower } = follow(dataset)
    await follower.refresh()
    for (const number of [4, 5]) await rm(pathOf(dataset, number))
    await follower.refresh()
    expect(follower.newest?.number).toBe(3)
    expect(follower.covers(idOf(4))).toBe(false)
  })
})

describe('a log that cannot be trusted is refused with a sentence, until it is restored', () => {
  const hole = refusal('unreadable-record', /^Record 3 of test_posts is missing\. bin\/skydrain verify/)
  const unreadable = refusal('unreadable-record', /0003\.json cannot be read: .*bin\/skydrain verify/)

  /** Harms record 3, looks before and after. */
  async function expectRefused(
    dataset: Dataset,
    does: (path: string) => Promise<unknown>,
    isTold: (error: unknown) => boolean,
  ): Promise<void> {
    const { follower } = follow(dataset)
    const path = pathOf(dataset, 3)
    const kept = await readFile(path)
    await does(path)
    for (let n = 0; n < 2; n += 1) await expect(follower.refresh()).rejects.toSatisfy(isTold)
    await writeFile(path, kept)
    await follower.refresh()
    expect(follower.newest?.number).toBe((await recordsOf(dataset)).length)
    expect(follower.covers(idOf(3))).toBe(true)
  }

  test('where a record is missing', async () => {
    await expectRefused(await longLog(1, 5), path => rm(path), hole)
  })

  test('where a record is missing behind the checkpoint', async () => {
    await expectRefused(await foldedLog(110, 5), path => rm(path), hole)
  })

  test.each([
    ['cut', (path: string) => truncate(path, 100)],
    ['empty', (path: string) => truncate(path, 0)],
    [
      'changed',
      async (path: string) => writeFile(path, (await readFile(path, 'utf8')).replace('run-3', 'run-4')),
    ],
  ])('where a record is %s', async (_how, does) => {
    await expectRefused(await longLog(1, 5), does, unreadable)
  })

  test('where a record is another one', async () => {
    const dataset = await longLog(1, 5)
    const [, second] = await recordsOf(dataset)
    if (second === undefined) expect.unreachable('there is no second record')
    const wrong = refusal(
      'unreadable-record',
      /^Record 3 of test_posts says that it is (2|3) of test_(posts|likes)\./,
    )
    await expectRefused(dataset, path => writeFile(path, serializeRecord(second)), wrong)
    const foreign = { ...second, number: 3, stream: 'test_likes' }
    await expectRefused(dataset, path => writeFile(path, serializeRecord(foreign)), wrong)
  })

  test('where the hole comes while it is followed', async () => {
    const dataset = await longLog(1, 2)
    const { follower } = follow(dataset)
    await follower.refresh()
    await longLog(3, 5, dataset)
    const kept = join(dataset.folder, 'kept.json')
    await rename(pathOf(dataset, 3), kept)
    for (let n = 0; n < 2; n += 1) await expect(follower.refresh()).rejects.toSatisfy(hole)
    await rename(kept, pathOf(dataset, 3))
    await follower.refresh()
    expect(follower.newest?.number).toBe(5)
  })
})

async function writeCheckpointAt(dataset: Dataset, number: number): Promise<void> {
  const content = sealed({ version: 1, stream, number, runs: [[idOf(1), idOf(number), number]] })
  await writeFile(join(dataset.folder, checkpointPath(stream)), content)
}
