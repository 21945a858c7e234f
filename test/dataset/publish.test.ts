import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { nodeDisk } from '../../src/dataset/disk.ts'
import { rejectedFiles } from '../../src/dataset/rejected-files.ts'
import { openParquet } from '../../src/parquet/open.ts'
import {
  badEntry,
  commit,
  craft,
  entries,
  entry,
  failure,
  idOf,
  idsIn,
  newDataset,
  openLog,
  publishedOf,
  recordsOf,
  refusal,
  staged,
  stagingOf,
} from './dataset-folder.ts'

const cannotRename = { ...nodeDisk, rename: () => Promise.reject(failure('EIO')) }

/** A dataset whose only commit was linked by a process that then died. */
async function linkedOnly() {
  const dataset = await newDataset()
  await expect(commit(await openLog(dataset, { disk: cannotRename }), entries(1, 3))).rejects.toThrow('EIO')
  expect(await recordsOf(dataset)).toHaveLength(1)
  expect(await publishedOf(dataset)).toEqual([])
  return dataset
}

const first3 = entries(1, 3).map(({ id }) => id)

describe('catching up', () => {
  test('publishes what another process linked and did not publish, and clears its staging', async () => {
    const dataset = await linkedOnly()
    await openLog(dataset)
    expect(await idsIn(dataset)).toEqual(first3)
    expect(await stagingOf(dataset)).toEqual([])
  })

  test('makes the record durable before it publishes a file', async () => {
    const dataset = await linkedOnly()
    const calls: string[] = []
    const logFolder = join(dataset.folder, '_log/test_posts/0000')
    await openLog(dataset, {
      disk: {
        ...nodeDisk,
        syncFolder: path => {
          calls.push(path === logFolder ? 'sync the log' : 'sync')
          return nodeDisk.syncFolder(path)
        },
        rename: (from, to) => {
          calls.push('rename')
          return nodeDisk.rename(from, to)
        },
      },
    })
    expect(calls).toContain('rename')
    expect(calls.indexOf('sync the log')).toBeGreaterThan(-1)
    expect(calls.indexOf('sync the log')).toBeLessThan(calls.indexOf('rename'))
    expect(calls.at(-1)).toBe('sync')
  })

  test('may be done twice, and by several at once', async () => {
    const dataset = await linkedOnly()
    const logs = await Promise.all([openLog(dataset), openLog(dataset), openLog(dataset)])
    for (const log of logs) await log.catchUp()
    expect(await idsIn(dataset)).toEqual(first3)
    expect(await publishedOf(dataset)).toHaveLength(1)
  })

  test('goes on where publishing two files of a record was cut short after the first', async () => {
    const dataset = await newDataset()
    let renames = 0
    const disk = {
      ...nodeDisk,
      rename: async (from: string, to: string) => {
        renames += 1
        if (renames === 2) throw failure('EIO')
        await nodeDisk.rename(from, to)
      },
    }
    const mixed = [...entries(1, 3), badEntry(idOf(4))]
    await expect(commit(await openLog(dataset, { disk }), mixed)).rejects.toThrow('EIO')
    expect(await idsIn(dataset)).toEqual(first3)
    await openLog(dataset)
    expect(await idsIn(dataset)).toEqual([...first3, idOf(4)])
    expect(await stagingOf(dataset)).toEqual([])
  })

  test('stops where a committed file is in neither of its places, and deletes nothing', async () => {
    const dataset = await newDataset()
    await commit(await openLog(dataset), entries(1, 3))
    const [path = ''] = await publishedOf(dataset)
    await rm(join(dataset.folder, path))
    await expect(openLog(dataset)).rejects.toSatisfy(
      refusal('file-gone', /record 1 of test_posts with 3 rows/),
    )
    await expect(openLog(dataset)).rejects.toThrow(path)
    expect(await recordsOf(dataset)).toHaveLength(1)
  })
})

describe('a file that a later record replaced', () => {
  /** The rejected file of record 1 is replaced by a row in record 2. */
  async function replayed() {
    const dataset = await newDataset()
    await commit(await openLog(dataset), [badEntry(idOf(1)), entry(idOf(2))])
    const [path = ''] = (await publishedOf(dataset)).filter(it => it.startsWith('_rejected/'))
    const parquet = await openParquet({ writer: 'parquetjs', warn: expect.unreachable })
    const port = rejectedFiles(dataset, { disk: nodeDisk, openParquet: async () => parquet, now: Date.now })
    const replace = () =>
      port.replace({ type: 'posts', path, run: 'a-replay', staged: staged([entry(idOf(1))]) })
    return { dataset, path, replace }
  }

  test('is gone for readers, and its rows stand in the new one, each once', async () => {
    const { dataset, path, replace } = await replayed()
    expect(await replace()).toMatchObject({ state: 'committed', files: 1 })
    expect(await idsIn(dataset)).toEqual([idOf(1), idOf(2)])
    expect(await publishedOf(dataset)).not.toContain(path)
    expect((await recordsOf(dataset))[1]).toMatchObject({ kind: 'replace', removes: [path], runs: [] })
  })

  test('is not missed by whoever publishes the old record again', async () => {
    const { dataset, path, replace } = await replayed()
    await replace()
    const log = await openLog(dataset)
    await log.catchUp()
    expect(await publishedOf(dataset)).not.toContain(path)
    expect(await idsIn(dataset)).toEqual([idOf(1), idOf(2)])
  })

  test('and another file that is gone are told apart', async () => {
    const dataset = await newDataset()
    const log = await openLog(dataset)
    await commit(log, entries(1, 3))
    await commit(log, entries(4, 6))
    const [lost = '', replaced = ''] = await publishedOf(dataset)
    await craft(dataset, { number: 3, kind: 'replace', removes: [replaced], attempt: randomUUID() })
    await rm(join(dataset.folder, lost))
    await expect(openLog(dataset)).rejects.toSatisfy(refusal('file-gone', lost))
  })

  test('is taken away by the next process where the one that replaced it died', async () => {
    const dataset = await newDataset()
    await commit(await openLog(dataset), entries(1, 3))
    const [path = ''] = await publishedOf(dataset)
    await craft(dataset, { number: 2, kind: 'replace', removes: [path], attempt: randomUUID() })
    await openLog(dataset)
    expect(await publishedOf(dataset)).toEqual([])
  })

  test('cannot be replaced twice', async () => {
    const { dataset, replace } = await replayed()
    const outcomes = await Promise.all([replace(), replace()])
    expect(outcomes.map(({ state }) => state).toSorted()).toEqual(['committed', 'overtaken'])
    expect((await replace()).state).toBe('overtaken')
    expect(await idsIn(dataset)).toEqual([idOf(1), idOf(2)])
    expect(await recordsOf(dataset)).toHaveLength(2)
  })
})
