import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { openDataset, readDataset } from '../../src/dataset/dataset.ts'
import { type Disk, nodeDisk } from '../../src/dataset/disk.ts'
import { readWholeLog } from '../../src/dataset/read-log.ts'
import { perType } from '../../src/records/event-type.ts'
import {
  commit,
  entries,
  failure,
  fingerprintOf,
  newDataset,
  newFolder,
  openLog,
  refusal,
  stream,
  streams,
  treeOf,
} from './dataset-folder.ts'

test('a dataset is made where there is none, with every parent, and says what it holds', async () => {
  const folder = join(newFolder(), 'deep', 'er')
  const dataset = await openDataset(nodeDisk, folder, streams)
  expect(dataset).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), folder, streams })
  const description = JSON.parse(await readFile(join(folder, '_dataset.json'), 'utf8'))
  expect(description).toEqual({ id: dataset.id, layout_version: 1, streams })
  expect(await treeOf(folder)).toEqual(['_dataset.json', '_staging/'])
})

test('it is the same one when it is opened again', async () => {
  const first = await newDataset()
  expect(await openDataset(nodeDisk, first.folder, streams)).toEqual(first)
  expect(await readDataset(nodeDisk, first.folder)).toEqual(first)
})

test('processes that make it at the same moment agree on one id, and leave nothing else', async () => {
  const folder = newFolder()
  const arrived = { count: 0, all: () => {} }
  const allArrived = new Promise<void>(resolve => {
    arrived.all = resolve
  })
  // All are about to link their own description before the first does.
  const disk: Disk = {
    ...nodeDisk,
    link: async (from, to) => {
      if (to.endsWith('_dataset.json')) {
        arrived.count += 1
        if (arrived.count === 5) arrived.all()
        await allArrived
      }
      await nodeDisk.link(from, to)
    },
  }
  const datasets = await Promise.all(Array.from({ length: 5 }, () => openDataset(disk, folder, streams)))
  expect(new Set(datasets.map(({ id }) => id)).size).toBe(1)
  expect(await readDataset(nodeDisk, folder)).toEqual(datasets[0])
  expect(await treeOf(folder)).toEqual(['_dataset.json', '_staging/'])
})

test('the streams of another prefix are refused: their ids would mix', async () => {
  const { folder } = await newDataset()
  const others = perType(type => `other_${type}`)
  await expect(openDataset(nodeDisk, folder, others)).rejects.toSatisfy(
    refusal('other-streams', /made from the stream test_posts and STREAM_PREFIX now names other_posts/),
  )
})

describe('a description that cannot be understood is refused, and left as it is', () => {
  test.each<[string, string, string]>([
    ['of a later layout', JSON.stringify({ id: 'x', layout_version: 2, streams }), 'says layout version 2'],
    ['empty', '', 'nothing readable'],
    ['no JSON', '{"id"', 'nothing readable'],
    ['no object', '7', 'nothing readable'],
    ['without an id', JSON.stringify({ layout_version: 1, streams }), 'layout version 1'],
    [
      'without a stream',
      JSON.stringify({ id: 'x', layout_version: 1, streams: { posts: 'p' } }),
      'layout version 1',
    ],
  ])('%s', async (_what, text, why) => {
    const folder = newFolder()
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, '_dataset.json'), text)
    await expect(openDataset(nodeDisk, folder, streams)).rejects.toSatisfy(refusal('unknown-layout', why))
    await expect(readDataset(nodeDisk, folder)).rejects.toSatisfy(refusal('unknown-layout', why))
    expect(await readFile(join(folder, '_dataset.json'), 'utf8')).toBe(text)
  })
})

describe('a place where no dataset can be', () => {
  test('a file system without hard links is refused at once, by name', async () => {
    const noLinks = Object.assign(new Error('not supported'), { code: 'ENOTSUP' })
    const disk: Disk = { ...nodeDisk, link: () => Promise.reject(noLinks) }
    const folder = newFolder()
    await expect(openDataset(disk, folder, streams)).rejects.toSatisfy(refusal('no-hard-links', 'ENOTSUP'))
    expect(await treeOf(folder)).toEqual(['_staging/'])
  })

  test('a folder that may not be written is refused before anything is tried', async () => {
    const disk: Disk = { ...nodeDisk, checkWritable: () => Promise.reject(failure('EACCES')) }
    await expect(openDataset(disk, newFolder(), streams)).rejects.toThrow('EACCES')
  })

  test('a file is told as one', async () => {
    const folder = newFolder()
    await mkdir(dirname(folder), { recursive: true })
    await writeFile(folder, '')
    await expect(openDataset(nodeDisk, folder, streams)).rejects.toSatisfy(refusal('disk-refused', 'ENOTDIR'))
  })
})

test('whoever only looks changes nothing, not even what could be published', async () => {
  const dataset = await newDataset()
  const log = await openLog(dataset, {
    disk: {
      ...nodeDisk,
      rename: async (from, to) => (stuck ? Promise.reject(failure('EIO')) : nodeDisk.rename(from, to)),
    },
  })
  let stuck = false
  await commit(log, entries(1, 3))
  stuck = true
  await expect(commit(log, entries(4, 6))).rejects.toThrow('EIO')
  const before = await fingerprintOf(dataset.folder)

  expect(await readDataset(nodeDisk, dataset.folder)).toEqual(dataset)
  const whole = await readWholeLog({ disk: nodeDisk, root: dataset.folder, stream })
  expect(whole.records.map(({ number }) => number)).toEqual([1, 2])
  expect(whole.faults).toEqual([])
  expect(await fingerprintOf(dataset.folder)).toEqual(before)
})

test('looking at a folder without a dataset finds none, and makes none', async () => {
  const folder = newFolder()
  expect(await readDataset(nodeDisk, folder)).toBeUndefined()
  expect(await nodeDisk.changedAt(folder)).toBeUndefined()
})
