import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import type { Dataset } from '../../src/dataset/dataset.ts'
import { type Disk, nodeDisk } from '../../src/dataset/disk.ts'
import { writeCheckpoint } from '../../src/dataset/log-files.ts'
import { rejectedFiles } from '../../src/dataset/rejected-files.ts'
import { repair, verify } from '../../src/dataset/verify.ts'
import { openParquet } from '../../src/parquet/open.ts'
import {
  badEntry,
  commit,
  entries,
  idOf,
  newDataset,
  openLog,
  publishedOf,
  recordsOf,
  stream,
} from './dataset-folder.ts'

const parquet = openParquet({ writer: 'parquetjs', warn: console.error })

async function verdictOf(dataset: Dataset, disk: Disk = nodeDisk) {
  const tools = { disk, dataset, openParquet: () => parquet, now: Date.now, onProgress: () => undefined }
  return await verify(tools, new AbortController().signal)
}

function replay(dataset: Dataset) {
  return rejectedFiles(dataset, { disk: nodeDisk, openParquet: () => parquet, now: Date.now })
}

/** The path of the one rejected file. */
async function rejectedPath(dataset: Dataset): Promise<string> {
  const [file] = await replay(dataset).list('posts')
  if (file === undefined) throw new Error('there is no rejected file')
  return file.path
}

test('a commit that comes in while verify looks is no orphan', async () => {
  const dataset = await newDataset()
  await commit(await openLog(dataset), entries(1, 4))
  let committed = false
  const disk: Disk = {
    ...nodeDisk,
    listAll: async folder => {
      if (!committed && folder === dataset.folder) {
        committed = true
        await commit(await openLog(dataset), entries(5, 8))
      }
      return await nodeDisk.listAll(folder)
    },
  }
  expect(await verdictOf(dataset, disk)).toMatchObject({ ok: true, rows: 4, problems: [] })
  expect(committed).toBe(true)
})

test('a rejected file that is replayed while verify looks is neither missing nor an orphan', async () => {
  const dataset = await newDataset()
  await commit(await openLog(dataset), [...entries(1, 4), badEntry(idOf(5))])
  const path = await rejectedPath(dataset)
  let replayed = false
  const disk: Disk = {
    ...nodeDisk,
    read: async file => {
      if (!replayed && file.endsWith('.ndjson')) {
        replayed = true
        const again = {
          rows: [],
          rejected: [{ id: idOf(5), line: (await replay(dataset).read(path))[0] ?? '' }],
        }
        const outcome = await replay(dataset).replace({ type: 'posts', path, run: 'a-replay', staged: again })
        expect(outcome.state).toBe('committed')
      }
      return await nodeDisk.read(file)
    },
  }
  expect(await verdictOf(dataset, disk)).toMatchObject({ ok: true, missing: 0, orphans: 0, problems: [] })
  expect(replayed).toBe(true)
})

test('a file that is really gone is told all the same', async () => {
  const dataset = await newDataset()
  await commit(await openLog(dataset), entries(1, 4))
  const [path] = await publishedOf(dataset)
  await rm(join(dataset.folder, path ?? ''))
  expect(await verdictOf(dataset)).toMatchObject({ ok: false, rows: 0, missing: 4 })
})

test('a rejected file that lost a line is not replayed, since the rest of it would be lost for good', async () => {
  const dataset = await newDataset()
  await commit(await openLog(dataset), [badEntry(idOf(1)), badEntry(idOf(2))])
  const path = await rejectedPath(dataset)
  const [first] = await replay(dataset).read(path)
  await writeFile(join(dataset.folder, path), `${first}\n`)
  await expect(replay(dataset).read(path)).rejects.toMatchObject({ code: 'file-damaged' })
  expect(await recordsOf(dataset)).toHaveLength(1)
})

test('--repair removes a replaced file that came back, but not where what replaced it is gone', async () => {
  const dataset = await newDataset()
  await commit(await openLog(dataset), [...entries(1, 4), badEntry(idOf(5))])
  const old = await rejectedPath(dataset)
  const [line] = await replay(dataset).read(old)
  const again = { rows: [], rejected: [{ id: idOf(5), line: line ?? '' }] }
  await replay(dataset).replace({ type: 'posts', path: old, run: 'a-replay', staged: again })
  const path = join(dataset.folder, old)
  const repaired = async () => {
    await writeFile(path, `${line}\n`)
    const tools = {
      disk: nodeDisk,
      dataset,
      openParquet: () => parquet,
      now: Date.now,
      onProgress: () => undefined,
    }
    await repair(tools, 'a-repair')
    return (await nodeDisk.size(path)) === undefined
  }
  // Behind a checkpoint no catch-up publishes the record again, which would remove it.
  await writeCheckpoint({ disk: nodeDisk, root: dataset.folder, stream }, { number: 2, runs: [] })
  expect(await repaired()).toBe(true)
  await rm(join(dataset.folder, await rejectedPath(dataset)))
  expect(await repaired()).toBe(false)
})
