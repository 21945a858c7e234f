import { randomUUID } from 'node:crypto'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { ABANDONED_AFTER_MS } from '../../src/dataset/clean-up.ts'
import { sealed } from '../../src/dataset/commit-record.ts'
import type { Dataset } from '../../src/dataset/dataset.ts'
import { type Disk, nodeDisk } from '../../src/dataset/disk.ts'
import { checkpointPath } from '../../src/dataset/layout.ts'
import {
  commit,
  entries,
  failure,
  idOf,
  idsIn,
  type LogOptions,
  newDataset,
  openLog,
  recordsOf,
  staged,
  stagingOf,
  stream,
} from './dataset-folder.ts'

const LATER: LogOptions = { aheadMs: ABANDONED_AFTER_MS + 60_000 }
const ids = (from: number, to: number) => entries(from, to).map(({ id }) => id)

async function cleanLater(dataset: Dataset, options: LogOptions = {}): Promise<void> {
  await (await openLog(dataset, { ...LATER, ...options })).cleanUp('a-later-run')
}

/** Stops a commit at a call of the disk, until it is let go on. */
function pausedAt(call: 'link' | 'writeFile' | 'syncFile') {
  const gate = { reached: () => {}, open: () => {} }
  const reached = new Promise<void>(resolve => {
    gate.reached = resolve
  })
  const opened = new Promise<void>(resolve => {
    gate.open = resolve
  })
  let isFirst = true
  const pause = async () => {
    if (!isFirst) return
    isFirst = false
    gate.reached()
    await opened
  }
  const disk: Disk = {
    ...nodeDisk,
    [call]: async (...words: [string, string]) => {
      if (words[0].includes('_staging')) await pause()
      await nodeDisk[call](...words)
    },
  }
  return { disk, reached, goOn: gate.open }
}

test('staging that was abandoned goes, behind an abort record that names its attempt', async () => {
  const dataset = await newDataset()
  const dead = await (await openLog(dataset)).begin('dead')
  await dead.append(staged(entries(1, 3)))
  const [folder = ''] = await nodeDisk.list(join(dataset.folder, '_staging/test_posts'))
  await writeFile(join(dataset.folder, '_staging/test_posts', folder, '0.part'), 'half a file')
  await cleanLater(dataset)
  expect(await stagingOf(dataset)).toEqual([])
  expect(await recordsOf(dataset)).toMatchObject([
    { number: 1, kind: 'abort', aborts: folder, files: [], runs: [] },
  ])
})

test('the abort record stands before the first file goes', async () => {
  const dataset = await newDataset()
  const broken: Disk = { ...nodeDisk, link: () => Promise.reject(failure('EIO')) }
  await expect(commit(await openLog(dataset, { disk: broken }), entries(1, 3))).rejects.toThrow('EIO')
  const before = await stagingOf(dataset)
  await expect(cleanLater(dataset, { disk: broken })).rejects.toThrow('EIO')
  expect(await stagingOf(dataset)).toEqual(expect.arrayContaining(before))
})

test('young staging is left alone', async () => {
  const dataset = await newDataset()
  const log = await openLog(dataset)
  const living = await log.begin('living')
  await living.append(staged(entries(1, 3)))
  const other = await openLog(dataset, { aheadMs: ABANDONED_AFTER_MS - 30_000 })
  await other.cleanUp('another-run')
  expect(await recordsOf(dataset)).toEqual([])
  expect((await living.commit()).state).toBe('committed')
})

test('an empty folder, and a draft of a checkpoint, go without a word in the log', async () => {
  const dataset = await newDataset()
  const staging = join(dataset.folder, '_staging/test_posts')
  await mkdir(join(staging, 'an-attempt'), { recursive: true })
  await writeFile(join(staging, 'checkpoint-of-a-dead-process.json'), '')
  await cleanLater(dataset)
  expect(await stagingOf(dataset)).toEqual([])
  expect(await recordsOf(dataset)).toEqual([])
})

test('what a process left that died while it opened the dataset goes, and nothing else beside it', async () => {
  const dataset = await newDataset()
  const id = randomUUID()
  const names = [`probe-${id}`, `probe-${id}-linked`, `dataset-${id}.json`, 'somebody-elses']
  for (const name of names) await writeFile(join(dataset.folder, '_staging', name), '')
  await (await openLog(dataset)).cleanUp('a-run')
  expect(await nodeDisk.list(join(dataset.folder, '_staging'))).toEqual(expect.arrayContaining(names))
  await cleanLater(dataset)
  expect(
    (await nodeDisk.list(join(dataset.folder, '_staging'))).filter(name => names.includes(name)),
  ).toEqual(['somebody-elses'])
})

test('what DuckDB had spilled when it was killed goes with the rest, after one abort and no second', async () => {
  const dataset = await newDataset()
  const spill = join(dataset.folder, '_staging/test_posts/an-attempt/spill')
  await mkdir(spill, { recursive: true })
  await writeFile(join(spill, 'duckdb_temp_storage_DEFAULT-0.tmp'), 'blocks')
  for (const path of [spill, join(spill, '..')]) await utimes(path, 0, 0)
  await cleanLater(dataset)
  expect(await stagingOf(dataset)).toEqual([])
  await cleanLater(dataset)
  expect(await recordsOf(dataset)).toHaveLength(1)
})

test("an attempt's drafts that were left after it committed go without an abort", async () => {
  const dataset = await newDataset()
  let broken = true
  const disk: Disk = {
    ...nodeDisk,
    removeFile: path => (broken ? Promise.reject(failure('EIO')) : nodeDisk.removeFile(path)),
  }
  await expect(commit(await openLog(dataset, { disk }), entries(1, 3))).rejects.toThrow('EIO')
  broken = false
  expect(await idsIn(dataset)).toEqual(ids(1, 3))
  // Behind a checkpoint no record is published again, which would remove the drafts too.
  const runs = [[idOf(1), idOf(3), 3]]
  const checkpoint = sealed({ version: 1, stream, number: 1, runs })
  await writeFile(join(dataset.folder, checkpointPath(stream)), checkpoint)
  const log = await openLog(dataset, LATER)
  await log.cleanUp('a-later-run')
  expect(await stagingOf(dataset)).toEqual([])
  expect(await recordsOf(dataset)).toHaveLength(1)
})

describe('a worker that was taken for dead and wakes up', () => {
  test.each(['link', 'writeFile', 'syncFile'] as const)(
    'before its %s cannot commit any more, and nothing is lost',
    async at => {
      const dataset = await newDataset()
      const zombie = pausedAt(at)
      const log = await openLog(dataset, { disk: zombie.disk })
      const committing = commit(log, entries(1, 4)).catch((error: Error) => ({ state: error.message }))
      await zombie.reached
      await cleanLater(dataset)
      expect(await stagingOf(dataset)).toEqual([])
      zombie.goOn()
      expect((await committing).state).toMatch(/^overtaken$|ENOENT|was taken for abandoned/)
      expect(await idsIn(dataset)).toEqual([])

      const next = await openLog(dataset)
      const { fresh } = await next.settle(entries(1, 4))
      await commit(next, fresh)
      expect(await idsIn(dataset)).toEqual(ids(1, 4))
      expect((await recordsOf(dataset)).map(({ kind }) => kind)).toEqual(['abort', 'append'])
    },
  )

  test('after it had linked is published, not aborted', async () => {
    const dataset = await newDataset()
    const zombie = pausedAt('link')
    const committing = commit(await openLog(dataset, { disk: zombie.disk }), entries(1, 4))
    await zombie.reached
    // It wakes up just before the abort is linked: both want the same number.
    const cleaner: Disk = {
      ...nodeDisk,
      link: async (from, to) => {
        zombie.goOn()
        await committing
        await nodeDisk.link(from, to)
      },
    }
    await cleanLater(dataset, { disk: cleaner })
    expect(await committing).toMatchObject({ state: 'committed', files: 1 })
    expect((await recordsOf(dataset)).map(({ kind }) => kind)).toEqual(['append'])
    expect(await idsIn(dataset)).toEqual([1, 2, 3, 4].map(idOf))
  })

  test('after it had linked and before it had published is published by the cleaner', async () => {
    const dataset = await newDataset()
    const cannotRename: Disk = { ...nodeDisk, rename: () => Promise.reject(failure('EIO')) }
    await expect(commit(await openLog(dataset, { disk: cannotRename }), entries(1, 4))).rejects.toThrow('EIO')
    await cleanLater(dataset)
    expect((await recordsOf(dataset)).map(({ kind }) => kind)).toEqual(['append'])
    expect(await idsIn(dataset)).toEqual(ids(1, 4))
    expect(await stagingOf(dataset)).toEqual([])
  })

  test('that had written nothing yet, and commits while its empty folder is looked at, keeps its files', async () => {
    const dataset = await newDataset()
    const cannotRename: Disk = { ...nodeDisk, rename: () => Promise.reject(failure('EIO')) }
    const attempt = await (await openLog(dataset, { disk: cannotRename })).begin('a-run')
    await attempt.append(staged(entries(1, 4)))
    let looks = 0
    const cleaner: Disk = {
      ...nodeDisk,
      list: async folder => {
        const names = await nodeDisk.list(folder)
        if (names.length === 0 && folder.includes('_staging/')) {
          looks += 1
          if (looks === 1) await expect(attempt.commit()).rejects.toThrow('EIO')
        }
        return names
      },
    }
    await cleanLater(dataset, { disk: cleaner })
    expect(looks).toBeGreaterThan(0)
    await (await openLog(dataset)).catchUp()
    expect(await idsIn(dataset)).toEqual(ids(1, 4))
  })

  test('that links after the cleaner caught up is published before its staging goes', async () => {
    const dataset = await newDataset()
    const zombie = pausedAt('link')
    const disk: Disk = { ...zombie.disk, rename: () => Promise.reject(failure('EIO')) }
    const committing = commit(await openLog(dataset, { disk }), entries(1, 4)).catch((error: Error) => error)
    await zombie.reached
    const cleaner: Disk = {
      ...nodeDisk,
      list: async folder => {
        const names = await nodeDisk.list(folder)
        if (names.some(name => name.startsWith('record-'))) {
          zombie.goOn()
          await committing
        }
        return names
      },
    }
    await cleanLater(dataset, { disk: cleaner })
    expect(await committing).toBeInstanceOf(Error)
    await (await openLog(dataset)).catchUp()
    expect(await idsIn(dataset)).toEqual(ids(1, 4))
  })
})
