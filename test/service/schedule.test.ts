import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitFor } from '../cli/world.ts'
import { endsOf, eventsOf, generate, isEmpty, openStation, type Station, waitForEvents } from './station.ts'

const EVERY_MS = 2_000

let station: Station

beforeAll(async () => {
  station = await openStation({ SCHEDULE: '*/2 * * * * *' })
})
afterAll(() => station?.close())

test('without a worker the ticks pile up to one run; with one, runs come on time and drain all five types', async () => {
  const { place } = station
  const server = await station.up('server')
  await server.says('The schedule of data-writer/data-writer is */2')
  const produced = await generate(place, 2_000)
  const setAt = Date.now()
  await waitFor('three ticks that nobody takes', async () => Date.now() > setAt + 3 * EVERY_MS)
  expect(await eventsOf(station)).toEqual([])

  const beganAt = Date.now()
  const worker = await station.up('worker')
  await waitFor('all streams to be empty', () => isEmpty(place))
  const [first, ...others] = await waitForEvents(
    station,
    'four runs to end',
    events => events.filter(it => it.state === 'Completed').length >= 4,
  ).then(events => events.filter(it => it.state === 'Running'))
  expect(first?.waitedMs).toBeGreaterThan(2 * EVERY_MS)
  // One that catches up, and none for the ticks that were missed between: the others are due at their own times.
  for (const { time, waitedMs = Number.NaN } of others) {
    const dueAt = Date.parse(time) - waitedMs
    expect(dueAt % EVERY_MS).toBe(0)
    expect(dueAt).toBeGreaterThan(beganAt - EVERY_MS)
    expect(waitedMs).toBeLessThan(EVERY_MS)
  }
  expect(new Set(others.map(it => Date.parse(it.time) - (it.waitedMs ?? 0))).size).toBe(others.length)

  const [caughtUp] = await endsOf(station)
  expect(caughtUp).toMatchObject({ state: 'Completed', result: { remaining: 0, failed: {} } })
  const { types } = Object(caughtUp).result as {
    types: Record<string, { written: number; rejected: number }>
  }
  for (const [type, count] of Object.entries(produced)) {
    expect((types[type]?.written ?? 0) + (types[type]?.rejected ?? 0)).toBe(count)
  }

  // Both end well at their first signal.
  for (const { child, ended } of [worker, server]) {
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null })
  }
})

test('the schedule goes on while no server is there, and is put back where Redis was emptied', async () => {
  const worker = await station.up('worker')
  const before = (await endsOf(station)).length
  await waitForEvents(station, 'runs without a server', events => events.length > before * 2 + 4)

  const server = await station.up('server')
  await station.queue.client.flushall()
  await server.says('The schedule of data-writer/data-writer is')
  const runs = await waitForEvents(station, 'runs after FLUSHALL', events => events.length >= 4)
  expect(runs.every(it => it.state === 'Running' || it.state === 'Completed')).toBe(true)
  for (const it of [worker, server]) it.child.kill('SIGTERM')
})
