import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { type Disk, nodeDisk } from '../../src/dataset/disk.ts'
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

describe('an attempt', () => {
  test('names in its record everything that counts, and publishes exactly that', async () => {
    const dataset = await newDataset()
    const attempt = await (await openLog(dataset)).begin('a-run')
    await attempt.append(staged([entry(idOf(1)), badEntry(idOf(2)), entry(idOf(3))]))
    await attempt.append(staged([]))
    await attempt.append(staged([badEntry(idOf(4))]))
    const { bytes, files } = { bytes: 0, files: 0, ...(await attempt.commit()) }

    const [record] = await recordsOf(dataset)
    expect(record).toMatchObject({ kind: 'append', number: 1, run: 'a-run', type: 'posts', removes: [] })
    expect(record?.runs).toEqual([[idOf(1), idOf(4), 4]])
    expect(record?.files).toMatchObject([
      { rows: 2, first: idOf(1), last: idOf(3), partition: 'year=2026/month=11/day=21/hour=22/type=posts' },
    ])
    expect(record?.rejected).toMatchObject({ rows: 2, first: idOf(2), last: idOf(4) })
    expect({ files, bytes }).toEqual({ files: 1, bytes: record?.files[0]?.bytes })
    expect(await publishedOf(dataset)).toEqual([record?.rejected?.path, record?.files[0]?.path])
    expect(await readFile(join(dataset.folder, record?.files[0]?.path ?? ''))).toHaveLength(bytes)
    expect(await idsIn(dataset)).toEqual([1, 2, 3, 4].map(idOf))
    await attempt.drop()
    expect(await stagingOf(dataset)).toEqual([])
  })

  test.each([
    ['twice within a batch', [2, 2]],
    ['again in a later batch', [4, 5], [5]],
    ['below an earlier batch', [4, 5], [1, 9]],
    ['both as a row and as a rejected entry', [1, -1]],
  ])('refuses an id that comes %s', async (_how, ...batches) => {
    const dataset = await newDataset()
    const attempt = await (await openLog(dataset)).begin('a-run')
    const made = (batches as number[][]).map(ids =>
      staged(ids.map(n => (n < 0 ? badEntry(idOf(-n)) : entry(idOf(n))))),
    )
    const last = made.pop()
    for (const part of made) await attempt.append(part)
    await expect(attempt.append(last ?? staged([]))).rejects.toThrow(/must strictly increase/)
    await attempt.drop()
    expect(await stagingOf(dataset)).toEqual([])
    expect(await recordsOf(dataset)).toEqual([])
  })

  test('that is dropped before it commits leaves nothing, not even what it rejected', async () => {
    const dataset = await newDataset()
    const attempt = await (await openLog(dataset)).begin('a-run')
    await attempt.append(staged([entry(idOf(1)), badEntry(idOf(2))]))
    expect(await stagingOf(dataset)).not.toEqual([])
    await attempt.drop()
    await attempt.drop()
    expect(await stagingOf(dataset)).toEqual([])
  })

  test.each(['less', 'more'])(
    'whose file reads back with %s rows is refused before anything counts',
    async how => {
      const dataset = await newDataset()
      const log = await openLog(dataset, {
        parquet: port => ({
          ...port,
          readFooter: async path => {
            const footer = await port.readFooter(path)
            return { ...footer, rows: footer.rows + (how === 'less' ? -1 : 1) }
          },
        }),
      })
      await expect(commit(log, entries(1, 3))).rejects.toSatisfy(
        refusal('file-damaged', /written with 3 rows/),
      )
      expect(await recordsOf(dataset)).toEqual([])
      expect(await stagingOf(dataset)).toEqual([])
    },
  )
})

describe('two attempts at once', () => {
  test('over the same ids: the second to commit is overtaken, and nothing of it counts', async () => {
    const dataset = await newDataset()
    const [a, b] = [await openLog(dataset), await openLog(dataset)]
    const late = await a.begin('late')
    await late.append(staged(entries(3, 6)))
    expect((await commit(b, entries(1, 3))).state).toBe('committed')
    expect(await late.commit()).toEqual({ state: 'overtaken' })
    await late.drop()
    expect(await idsIn(dataset)).toEqual([1, 2, 3].map(idOf))
    expect(await recordsOf(dataset)).toHaveLength(1)

    // The same log then tells which of them are still to be written.
    const { fresh, known } = await a.settle(entries(3, 6))
    expect([known, fresh.map(({ id }) => id)]).toEqual([[idOf(3)], [4, 5, 6].map(idOf)])
    expect((await commit(a, fresh)).state).toBe('committed')
  })

  test('over disjoint ids: both commit, whatever numbers they wanted', async () => {
    const dataset = await newDataset()
    const [a, b] = [await openLog(dataset), await openLog(dataset)]
    const late = await a.begin('late')
    await late.append(staged(entries(5, 9)))
    await commit(b, entries(1, 4))
    await commit(b, entries(10, 12))
    expect((await late.commit()).state).toBe('committed')
    await late.drop()
    expect(await idsIn(dataset)).toEqual(entries(1, 12).map(({ id }) => id))
    expect((await recordsOf(dataset)).map(({ number }) => number)).toEqual([1, 2, 3])
    expect(await stagingOf(dataset)).toEqual([])
  })

  test('commits that came while a log was already caught up again still count against an older attempt', async () => {
    const dataset = await newDataset()
    const log = await openLog(dataset)
    const late = await log.begin('late')
    await late.append(staged(entries(1, 2)))
    await commit(await openLog(dataset), entries(2, 3))
    await log.catchUp()
    expect(await late.commit()).toEqual({ state: 'overtaken' })
  })

  test('an abort record ends the attempt that it names, and no other', async () => {
    const dataset = await newDataset()
    const log = await openLog(dataset)
    const [first, second] = [await log.begin('first'), await log.begin('second')]
    await first.append(staged(entries(1, 2)))
    await second.append(staged(entries(3, 4)))
    const name = (await nodeDisk.list(join(dataset.folder, '_staging/test_posts'))) as string[]
    const filesOf = async (folder: string) =>
      nodeDisk.list(join(dataset.folder, '_staging/test_posts', folder))
    expect(name).toHaveLength(2)
    expect(await filesOf(name[0] ?? '')).toEqual([])
    await craft(dataset, { number: 1, kind: 'abort', aborts: name[0] ?? '' })
    const outcomes = [await first.commit(), await second.commit()].map(({ state }) => state)
    expect(outcomes.toSorted()).toEqual(['committed', 'overtaken'])
  })
})

describe('from the call of link() on, only the log says what happened', () => {
  function diskWhoseLink(link: Disk['link']): Disk {
    return {
      ...nodeDisk,
      link: (from, to) => (to.includes('/_log/') ? link(from, to) : nodeDisk.link(from, to)),
    }
  }

  test('a link that was done and answered with an error has committed', async () => {
    const dataset = await newDataset()
    const disk = diskWhoseLink(async (from, to) => {
      await nodeDisk.link(from, to)
      throw failure('EIO')
    })
    expect((await commit(await openLog(dataset, { disk }), entries(1, 3))).state).toBe('committed')
    expect(await idsIn(dataset)).toEqual([1, 2, 3].map(idOf))
    expect(await recordsOf(dataset)).toHaveLength(1)
  })

  test('a link that was not done fails the run, and its staging stays for the cleaner', async () => {
    const dataset = await newDataset()
    const disk = diskWhoseLink(() => Promise.reject(failure('EIO')))
    await expect(commit(await openLog(dataset, { disk }), entries(1, 3))).rejects.toThrow('EIO')
    expect(await recordsOf(dataset)).toEqual([])
    expect((await stagingOf(dataset)).filter(path => path.endsWith('.part'))).toHaveLength(1)
    expect(await idsIn(dataset)).toEqual([])
  })

  test('a record that is linked later, by a call that seemed to have failed, finds its files', async () => {
    const dataset = await newDataset()
    let linkLate = async () => {}
    const disk = diskWhoseLink((from, to) => {
      linkLate = () => nodeDisk.link(from, to)
      return Promise.reject(failure('ETIMEDOUT'))
    })
    await expect(commit(await openLog(dataset, { disk }), entries(1, 3))).rejects.toThrow('ETIMEDOUT')
    await linkLate()
    await openLog(dataset)
    expect(await idsIn(dataset)).toEqual([1, 2, 3].map(idOf))
  })

  test('an overtaken attempt keeps its staging too', async () => {
    const dataset = await newDataset()
    const log = await openLog(dataset)
    await commit(await openLog(dataset), entries(1, 1))
    expect((await commit(log, entries(1, 1))).state).toBe('overtaken')
    expect((await stagingOf(dataset)).some(path => path.endsWith('.part'))).toBe(true)
  })
})
