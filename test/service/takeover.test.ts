import { Queue } from 'bullmq'
import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Running } from '../cli/skydrain.ts'
import { documentOf } from '../cli/skydrain.ts'
import { type RunDocument, sumOf, waitFor } from '../cli/world.ts'
import { datasetSizes, eventsOf, generate, openStation, type Station } from './station.ts'

let station: Station

// One thread, small reads and the slower writer: a run takes seconds, in which something can be killed.
beforeEach(async () => {
  station = await openStation({
    WORKERS: '1',
    BATCH_SIZE: '20',
    PARQUET_WRITER: 'parquetjs',
    FILE_ROWS_MAX: '2000',
  })
})
afterEach(() => station?.close())

type Part = {
  readonly type: string
  readonly worker: string
  readonly read: number
  readonly isActive: boolean
}

/** The parts of all runs as the queue has them. */
async function partsOf({ queue: { url } }: Station): Promise<Part[]> {
  const queue = new Queue('default', { prefix: '{skydrain}', connection: { url } })
  try {
    const jobs = await queue.getJobs(['active', 'completed'])
    return jobs
      .filter(job => job?.name === 'data-writer/part')
      .map(job => ({
        type: job.data.part.type,
        worker: job.processedBy ?? '',
        read: Number(Object(Object(job.progress).done).read ?? 0),
        isActive: job.finishedOn === undefined,
      }))
  } finally {
    await queue.close()
  }
}

/** Waits until a worker is in the middle of a part: something is committed, and something left. */
async function midway({ child: { pid } }: Running): Promise<void> {
  await waitFor('a worker to be midway', async () =>
    (await partsOf(station)).some(it => it.worker.endsWith(`:${pid}`) && it.isActive && it.read > 0),
  )
}

test('a worker is killed with -9 in mid-run: another takes its ranges over within 45 s, exactly once', async () => {
  const produced = await generate(station.place, 45_000)
  const victim = await station.up('worker')
  const other = await station.up('worker')
  const waiting = station.place.run('run', 'data-writer', '--wait', '--json')
  await midway(victim)
  await midway(other)
  const killedAt = Date.now()
  victim.child.kill('SIGKILL')
  const ended = await waiting
  expect(ended.code, ended.stderr).toBe(0)
  const run = documentOf<RunDocument>(ended)
  expect(run).toMatchObject({ state: 'Completed', remaining: 0 })
  const { stderr } = await stopped(other)
  expect(stderr).toContain('a worker died at a part of it, which this one takes over')
  const takenOver = /"time":"([^"]+)"[^\n]*which this one takes over/.exec(stderr)?.[1] ?? ''
  expect(Date.parse(takenOver) - killedAt).toBeLessThan(45_000)

  const sizes = await datasetSizes(station.place)
  expect(sizes).toEqual(produced)
  const end = (await eventsOf(station)).find(it => it.state === 'Completed')
  const { types } = Object(end).result as { types: Record<string, { claimed: number }> }
  expect(Object.values(types).reduce((sum, { claimed }) => sum + claimed, 0)).toBeGreaterThan(0)
})

test('SIGTERM in mid-run ends a worker with 0 within 10 s; the next one goes on at once with what is left', async () => {
  const produced = await generate(station.place, 45_000)
  const first = await station.up('worker')
  const waiting = station.place.run('run', 'data-writer', '--wait', '--json')
  await midway(first)
  const askedAt = Date.now()
  const { code } = await stopped(first)
  expect([code, Date.now() - askedAt < 10_000]).toEqual([0, true])

  const startedAt = Date.now()
  const second = await station.up('worker')
  await midway(second)
  // It did not have to wait until the first one's lock had run out.
  expect(Date.now() - startedAt).toBeLessThan(15_000)
  const run = documentOf<RunDocument>(await waiting)
  expect(run).toMatchObject({ state: 'Completed', remaining: 0 })
  expect(sumOf(await datasetSizes(station.place))).toBe(sumOf(produced))
  // What the first one did counts in the run too.
  expect(Object.values(run.types).reduce((sum, it) => sum + it.written + it.rejected, 0)).toBe(
    sumOf(produced),
  )
  const claims = (await eventsOf(station)).flatMap(it => Object.values(Object(it.result).types ?? {}))
  expect(claims.every(it => Object(it).claimed === 0)).toBe(true)
})

test('a second signal ends a worker at once, and nothing is lost', async () => {
  const produced = await generate(station.place, 50_000)
  const first = await station.up('worker')
  await station.place.run('run', 'data-writer')
  await midway(first)
  first.child.kill('SIGTERM')
  first.child.kill('SIGINT')
  expect((await first.ended).code).toBe(130)
  // Whoever drains next, on a worker or not, finds what was in hand on the streams or in the log.
  expect((await station.place.run('run', 'data-writer', '--local')).code).toBe(0)
  expect(await datasetSizes(station.place)).toEqual(produced)
})

test('a run whose time is nearly over ends Completed, and one more run follows by itself', async () => {
  const produced = await generate(station.place, 40_000)
  const worker = await station.upWith({ RUN_TIMEOUT: '10s' }, 'worker')
  const waiting = station.place.run('run', 'data-writer', '--wait', '--json')
  await midway(worker)
  // A machine that was suspended: the time for new work is over when it wakes up.
  const [began] = await eventsOf(station)
  worker.child.kill('SIGSTOP')
  await waitFor('nine tenths of the time', async () => Date.now() > Date.parse(began?.time ?? '') + 9_050)
  worker.child.kill('SIGCONT')
  const run = documentOf<RunDocument>(await waiting)
  expect(run.state).toBe('Completed')
  expect(run.remaining).toBeGreaterThan(0)
  await waitFor('the rest to be drained', async () => {
    const ends = (await eventsOf(station)).filter(it => it.state === 'Completed')
    return Object(ends.at(-1)?.result).remaining === 0
  })
  expect(await datasetSizes(station.place)).toEqual(produced)
})

async function stopped({ child, ended }: Running) {
  child.kill('SIGTERM')
  return await ended
}
