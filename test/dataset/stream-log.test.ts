import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { sealed } from '../../src/dataset/commit-record.ts'
import type { Dataset } from '../../src/dataset/dataset.ts'
import { nodeDisk } from '../../src/dataset/disk.ts'
import { checkpointPath, recordPath } from '../../src/dataset/layout.ts'
import type { Run } from '../../src/dataset/run-index.ts'
import {
  commit,
  craft,
  entries,
  fingerprintOf,
  idOf,
  idsIn,
  newDataset,
  openLog,
  recordsOf,
  refusal,
  stream,
} from './dataset-folder.ts'

/** A log of records without files, each over one id. */
async function longLog(records: number): Promise<Dataset> {
  const dataset = await newDataset()
  for (let number = 1; number <= records; number += 1) {
    await craft(dataset, { number, runs: [[idOf(number), idOf(number), 1]] })
  }
  return dataset
}

/** Opens the log and counts the records it reads. */
async function openCounting(dataset: Dataset) {
  const read: string[] = []
  const isRecord = (path: string) => /\d{20}\.json$/.test(path)
  const log = await openLog(dataset, {
    disk: {
      ...nodeDisk,
      read: async path => {
        const content = await nodeDisk.read(path)
        if (isRecord(path) && content !== undefined) read.push(path)
        return content
      },
    },
  })
  return { log, read: new Set(read).size }
}

async function writeCheckpoint({ folder }: Dataset, content: object): Promise<void> {
  await mkdir(join(folder, '_log', stream), { recursive: true })
  await writeFile(join(folder, checkpointPath(stream)), sealed(content))
}

const checkpoint = (number: number, runs: readonly Run[] = []) => ({ version: 1, stream, number, runs })

describe('a log that cannot be trusted stops the run, and nothing is written', () => {
  const hurt: [string, (path: string) => Promise<void>][] = [
    ['torn', path => truncate(path, 100)],
    ['empty', path => truncate(path, 0)],
    [
      'changed',
      async path => writeFile(path, (await readFile(path, 'utf8')).replace('another-run', 'another-ran')),
    ],
  ]
  test.each(hurt)('the newest record is %s', async (_how, damage) => {
    const dataset = await longLog(3)
    await damage(join(dataset.folder, recordPath(stream, 3)))
    const before = await fingerprintOf(dataset.folder)
    await expect(openLog(dataset)).rejects.toSatisfy(
      refusal('unreadable-record', '00000000000000000003.json'),
    )
    expect(await fingerprintOf(dataset.folder)).toEqual(before)
  })

  test('a record is missing between others', async () => {
    const dataset = await longLog(5)
    await rm(join(dataset.folder, recordPath(stream, 3)))
    const before = await fingerprintOf(dataset.folder)
    await expect(openLog(dataset)).rejects.toSatisfy(
      refusal('unreadable-record', /0003\.json is missing.*up to 5/),
    )
    expect(await fingerprintOf(dataset.folder)).toEqual(before)
  })

  test('a record is missing, and a folder for 10,000 more was made and not used yet', async () => {
    const dataset = await longLog(5)
    await rm(join(dataset.folder, recordPath(stream, 3)))
    await mkdir(join(dataset.folder, '_log', stream, '0001'))
    await expect(openLog(dataset)).rejects.toSatisfy(refusal('unreadable-record', /0003\.json is missing/))
  })

  test('a record is missing behind the checkpoint, and its files must tell what is known', async () => {
    const dataset = await longLog(5)
    await writeCheckpoint(dataset, checkpoint(5, [[idOf(1), idOf(5), 5]]))
    await rm(join(dataset.folder, recordPath(stream, 3)))
    const log = await openLog(dataset)
    await expect(log.settle(entries(2, 4))).rejects.toSatisfy(
      refusal('unreadable-record', /0003\.json is missing/),
    )
  })
})

describe('the checkpoint', () => {
  test('is written after 100 records, and from then on only the tail is read', async () => {
    const dataset = await longLog(99)
    const { log, read } = await openCounting(dataset)
    expect(read).toBe(99)
    await log.fold()
    expect(await nodeDisk.read(join(dataset.folder, checkpointPath(stream)))).toBeUndefined()

    await commit(log, entries(500, 501))
    await log.fold()
    await commit(log, entries(502, 503))
    const again = await openCounting(dataset)
    expect(again.read).toBe(2) // the one that it reaches to, which shows that it fits, and the one after
    const known = await again.log.settle([...entries(50, 50), ...entries(500, 504)])
    expect(known.known).toEqual([500, 501, 502, 503].map(idOf))
  })

  test('is written where nothing was ever staged here, as after the restore of a backup', async () => {
    const dataset = await longLog(120)
    const log = await openLog(dataset)
    await log.fold()
    expect(await nodeDisk.read(join(dataset.folder, checkpointPath(stream)))).toBeDefined()
  })

  const useless: [string, object | string][] = [
    ['damaged', sealed(checkpoint(4)).replace('"number":4', '"number":5')],
    ['cut', sealed(checkpoint(4)).slice(0, 30)],
    ["another stream's", { ...checkpoint(4), stream: 'test_likes' }],
    ['ahead of the log, which came from an older backup', checkpoint(9)],
    ['of another version', { ...checkpoint(4), version: 2 }],
    ['without runs', { ...checkpoint(4), runs: [['1', '2', 3]] }],
  ]
  test.each(useless)('that is %s is ignored: the log is read from its start', async (_how, content) => {
    const dataset = await longLog(5)
    if (typeof content === 'object') await writeCheckpoint(dataset, content)
    else await writeFile(join(dataset.folder, checkpointPath(stream)), content)
    const { log, read } = await openCounting(dataset)
    expect(read).toBe(5)
    expect((await commit(log, entries(3, 3))).state).toBe('committed')
    expect((await recordsOf(dataset)).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6])
  })
})

describe('the 10,000th record', () => {
  test('begins a new folder, and the log goes on across it', async () => {
    const dataset = await newDataset()
    await craft(dataset, { number: 9_998, runs: [[idOf(1), idOf(1), 1]] })
    await writeCheckpoint(dataset, checkpoint(9_998, [[idOf(1), idOf(1), 1]]))
    const log = await openLog(dataset)
    for (const n of [10, 20, 30, 40]) await commit(log, entries(n, n + 1))

    const numbers = (await recordsOf(dataset)).map(({ number }) => number)
    expect(numbers).toEqual([9_998, 9_999, 10_000, 10_001, 10_002])
    expect(await nodeDisk.list(join(dataset.folder, '_log', stream, '0001'))).toHaveLength(3)
    const { read } = await openCounting(dataset)
    expect(read).toBe(5)
    expect(await idsIn(dataset)).toEqual([10, 11, 20, 21, 30, 31, 40, 41].map(idOf))
  })

  test('does not hide a gap in the folder before', async () => {
    const dataset = await newDataset()
    for (const number of [9_998, 10_000]) await craft(dataset, { number })
    await writeCheckpoint(dataset, checkpoint(9_998))
    await expect(openLog(dataset)).rejects.toSatisfy(refusal('unreadable-record', '0009999.json is missing'))
  })
})
