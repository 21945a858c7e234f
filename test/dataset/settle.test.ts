import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { nodeDisk } from '../../src/dataset/disk.ts'
import { rejectedFiles } from '../../src/dataset/rejected-files.ts'
import type { Settled } from '../../src/flows/dataset-port.ts'
import { openParquet } from '../../src/parquet/open.ts'
import {
  badEntry,
  commit,
  craft,
  entries,
  entry,
  idOf,
  newDataset,
  openLog,
  publishedOf,
  refusal,
  staged,
} from './dataset-folder.ts'

function idsOf({ fresh, known, collisions }: Settled) {
  return { fresh: fresh.map(({ id }) => id), known, collisions }
}

const ids = (...numbers: number[]) => numbers.map(idOf)

test('entries outside every committed run are new, and no file is opened for them', async () => {
  const dataset = await newDataset()
  await commit(await openLog(dataset), entries(10, 12))
  const log = await openLog(dataset, { parquet: () => expect.unreachable('it opened Parquet') })
  expect(idsOf(await log.settle([...entries(1, 2)]))).toEqual({ fresh: ids(1, 2), known: [], collisions: [] })
  expect(idsOf(await log.settle([...entries(20, 21)])).fresh).toEqual(ids(20, 21))
  expect(await log.settle([])).toEqual({ fresh: [], known: [], collisions: [] })
})

test('an entry in the gap of a committed run is new: only the files tell what was committed', async () => {
  const dataset = await newDataset()
  await commit(await openLog(dataset), [entry(idOf(1)), badEntry(idOf(3)), entry(idOf(5))])
  const log = await openLog(dataset)
  const settled = await log.settle([...entries(1, 2), badEntry(idOf(3)), ...entries(4, 6)])
  expect(idsOf(settled)).toEqual({ fresh: ids(2, 4, 6), known: ids(1, 3, 5), collisions: [] })
})

test('an entry of a known id is told by its content, in rows and in rejected entries', async () => {
  const dataset = await newDataset()
  await commit(await openLog(dataset), [entry(idOf(1)), badEntry(idOf(2), 'one'), entry(idOf(3))])
  const log = await openLog(dataset)
  const others = [entry(idOf(1), 'did:plc:other'), badEntry(idOf(2), 'two'), badEntry(idOf(3))]
  expect(idsOf(await log.settle(others))).toEqual({
    fresh: ids(1, 2, 3),
    known: [],
    collisions: ids(1, 2, 3),
  })
})

test('a committed file that is gone stops the run: without it nobody knows what it held', async () => {
  const dataset = await newDataset()
  const log = await openLog(dataset)
  await commit(log, entries(1, 3))
  const [path = ''] = await publishedOf(dataset)
  await rm(join(dataset.folder, path))
  await expect(log.settle(entries(2, 2))).rejects.toSatisfy(
    refusal('file-gone', /by record 1 of test_posts, is gone.*the entries stay on the stream/),
  )
  expect((await log.settle(entries(4, 5))).fresh).toHaveLength(2)
})

test('a file that another process replaced meanwhile is found where its rows are now', async () => {
  const dataset = await newDataset()
  const log = await openLog(dataset)
  await commit(log, [badEntry(idOf(1)), entry(idOf(2))])
  await log.settle(entries(2, 2))
  const path = (await publishedOf(dataset)).find(it => it.startsWith('_rejected/')) ?? ''
  const parquet = await openParquet({ writer: 'parquetjs', warn: expect.unreachable })
  const port = rejectedFiles(dataset, { disk: nodeDisk, openParquet: async () => parquet, now: Date.now })
  const replaced = { type: 'posts' as const, path, run: 'a-replay', staged: staged([entry(idOf(1))]) }
  expect((await port.replace(replaced)).state).toBe('committed')
  expect(idsOf(await log.settle(entries(1, 2)))).toEqual({ fresh: [], known: ids(1, 2), collisions: [] })
})

test('runs of other processes count as soon as the log is caught up', async () => {
  const dataset = await newDataset()
  const log = await openLog(dataset)
  await commit(await openLog(dataset), entries(1, 2))
  expect((await log.settle(entries(1, 2))).fresh).toHaveLength(2)
  await log.catchUp()
  expect((await log.settle(entries(1, 2))).known).toHaveLength(2)
  await craft(dataset, { number: 2, kind: 'abort', aborts: 'somebody' })
  await log.catchUp()
  expect((await log.settle(entries(1, 2))).known).toHaveLength(2)
})
