import { expect } from 'vitest'

import type { RunEvent } from '../../src/engine/run-event.ts'
import { waitFor } from '../cli/world.ts'
import { datasetSizes, generate, isEmpty, type Station, waitForEvents } from './station.ts'

export const completed = (events: readonly RunEvent[]) => events.filter(it => it.state === 'Completed')

/** Events that come while something is wrong must be drained all the same. */
export async function drainsOn(station: Station, produced: Record<string, number>): Promise<void> {
  for (const [type, count] of Object.entries(await generate(station.place, 500))) {
    produced[type] = (produced[type] ?? 0) + count
  }
  await waitFor('the streams to be drained', () => isEmpty(station.place))
}

/** A worker and a server, of which the queue's Redis is taken away for a while and brought back. */
export async function outliveOutage(station: Station, outageMs: number): Promise<void> {
  const { place, queue } = station
  const worker = await station.up('worker')
  const server = await station.up('server')
  const produced: Record<string, number> = { ...(await generate(place, 500)) }
  await waitForEvents(station, 'a first run', events => completed(events).length > 0)

  const goneAt = Date.now()
  await queue.kill()
  await drainsOn(station, produced)
  await worker.says('This worker drains by its own clock')
  while (Date.now() < goneAt + outageMs) await drainsOn(station, produced)
  await queue.restart()
  const backAt = Date.now()
  // A run that waited for its tick in the queue, so one that the schedule has brought.
  await waitForEvents(station, 'a run by the schedule', events =>
    completed(events).some(({ runId, durationMs = 0, time }) => {
      const began = events.find(it => it.runId === runId && it.state === 'Running')
      return Date.parse(time) - durationMs > backAt && began?.waitedMs !== 0
    }),
  )
  await drainsOn(station, produced)
  expect(await datasetSizes(place)).toEqual(produced)
  // What ran by the worker's own clock is told afterwards.
  const ownRuns = await waitForEvents(station, 'the events of the outage', events =>
    completed(events).some(it => Date.parse(it.time) > goneAt && Date.parse(it.time) < backAt),
  )
  expect(ownRuns.every(it => it.state === 'Running' || it.state === 'Completed')).toBe(true)
  for (const { child, ended } of [worker, server]) {
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  }
}
