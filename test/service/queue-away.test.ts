import { afterAll, expect, test, vi } from 'vitest'

import { waitFor } from '../cli/world.ts'
import { completed, drainsOn, outliveOutage } from './outage.ts'
import {
  clientOf,
  datasetSizes,
  generate,
  isEmpty,
  openStation,
  type Station,
  waitForEvents,
} from './station.ts'

// They wait for most of their time, so they wait together.
vi.setConfig({ testTimeout: 180_000 })

const stations: Station[] = []
afterAll(() => Promise.all(stations.map(it => it.close())))

async function open(): Promise<Station> {
  const station = await openStation({ SCHEDULE: '*/3 * * * * *', WORKERS: '1' })
  stations.push(station)
  return station
}

test.concurrent('the queue’s Redis is gone for 20 s: the drain goes on, and the schedule comes back by itself', async () => {
  await outliveOutage(await open(), 20_000)
})

test.concurrent('the queue’s Redis is full: the drain goes on, and with room the schedule comes back by itself', async () => {
  const station = await open()
  const { place, queue } = station
  const worker = await station.up('worker')
  const server = await station.up('server')
  const produced: Record<string, number> = { ...(await generate(place, 500)) }
  await waitForEvents(station, 'a first run', events => completed(events).length > 0)

  const client = clientOf(queue)
  try {
    await client.config('SET', 'maxmemory', '1mb')
    await drainsOn(station, produced)
    await worker.says('This worker drains by its own clock')
    await drainsOn(station, produced)
    // Whoever finds it full leaves it alone for a while.
    const refused = /errorstat_OOM:count=(\d+)/.exec(await client.info('errorstats'))?.[1]
    expect(Number(refused)).toBeLessThan(200)
    await client.config('SET', 'maxmemory', '0')
  } finally {
    client.disconnect()
  }
  const backAt = Date.now()
  await waitForEvents(
    station,
    'a run by the schedule',
    events =>
      events.some(it => it.state === 'Running' && Date.parse(it.time) > backAt && (it.waitedMs ?? 0) > 0),
    60_000,
  )
  await drainsOn(station, produced)
  expect(await datasetSizes(place)).toEqual(produced)
  const log = [worker, server].map(async ({ child, ended }) => {
    child.kill('SIGTERM')
    return await ended
  })
  for (const { code, stderr } of await Promise.all(log)) {
    expect(code).toBe(0)
    // Hundreds of refusals a second are one line a minute.
    expect(stderr.split('\n').filter(line => line.includes('OOM')).length).toBeLessThan(10)
  }
})

test.concurrent('a worker alone drains, without a server that sets the schedule', async () => {
  const station = await open()
  const produced = await generate(station.place, 500)
  await station.up('worker')
  await waitFor('the streams to be drained', () => isEmpty(station.place))
  expect(await datasetSizes(station.place)).toEqual(produced)
})

test.concurrent('a worker that starts while the queue is away drains, and takes runs when it is back', async () => {
  const station = await open()
  await station.queue.kill()
  const produced: Record<string, number> = { ...(await generate(station.place, 500)) }
  const worker = await station.up('worker')
  await worker.says('Until then this worker drains by its own clock')
  await waitFor('the streams to be drained', () => isEmpty(station.place))
  await station.queue.restart()
  await drainsOn(station, produced)
  const ended = await station.place.run('run', 'data-writer', '--wait', '--json')
  expect(ended.code, ended.stderr).toBe(0)
  expect(await datasetSizes(station.place)).toEqual(produced)
})
