import { chmod, chown, mkdir } from 'node:fs/promises'
import { connect } from 'node:net'

import { expect, test } from 'vitest'

import { startSkydrain } from '../cli/skydrain.ts'
import { sumOf, waitFor } from '../cli/world.ts'
import { freePort } from '../redis-server.ts'
import { atStation, readinessOf, type Serving, scrapeOf, serve } from './serving.ts'
import { datasetSizes, generate, isEmpty, waitForEvents } from './station.ts'

const EVERY_MS = 2_000
const OFTEN = { SCHEDULE: '*/2 * * * * *' }
/** The first of January: runs are only those that a test asks for. */
const SELDOM = { SCHEDULE: '0 0 1 1 *' }

/** Polls until the health page says so. */
async function waitUntilReady(serving: Serving, ready = true) {
  return await waitFor(`${serving.url} to be ${ready ? 'ready' : 'not ready'}`, async () => {
    const found = await readinessOf(serving)
    return found.ready === ready && found
  })
}

test.concurrent('the server is ready while a worker is there to drain, and says why where none is, or no queue', () =>
  atStation(OFTEN, async station => {
    const { place, queue } = station
    const server = await serve(station, 'server')
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
    const { status, checks } = await waitUntilReady(server, false)
    expect(status).toBe(503)
    expect(checks.workers).toMatchObject({ ok: false, detail: expect.stringMatching(/^0 workers/) })

    await generate(place, 300)
    const worker = await serve(station, 'worker')
    await waitFor('the streams to be drained', () => isEmpty(place))
    expect((await waitUntilReady(server)).status).toBe(200)

    worker.kill('SIGKILL')
    const without = await waitUntilReady(server, false)
    expect([without.status, without.checks.workers?.ok]).toEqual([503, false])
    await worker.again()
    await waitUntilReady(server)
    expect((await scrapeOf(server)).has('skydrain_workers')).toBe(true)

    await queue.kill()
    const away = await readinessOf(server)
    expect(away.status).toBe(503)
    expect(away.checks).toMatchObject({
      workers: { ok: false },
      schedule: { ok: false },
      streams: { ok: true },
    })
    // The newest reading is kept for 5 s, and no longer.
    const scraped = await waitFor('metrics without the queue', async () => {
      const samples = await scrapeOf(server)
      return !samples.has('skydrain_workers') && samples
    })
    expect(scraped.has('skydrain_work_queue_depth')).toBe(false)
    expect(scraped.has('skydrain_schedule_next_timestamp_seconds')).toBe(false)
    expect(scraped.get('skydrain_metrics_collect_errors_total{collector="queue"}')).toBeGreaterThan(0)
    expect(scraped.get('skydrain_metrics_collect_errors_total{collector="streams"}')).toBe(0)
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
    await queue.restart()
    await waitUntilReady(server)
  }))

test.concurrent('the server is not ready when no run ended well for three intervals and 30 s, until one does', () =>
  atStation(OFTEN, async station => {
    const { place } = station
    await place.client.set(`${place.prefix}likes`, 'no stream')
    await serve(station, 'worker')
    const server = await serve(station, 'server')
    const startedAt = Date.now()
    expect((await readinessOf(server)).checks.runs).toMatchObject({ ok: true })
    const late = await waitFor(
      'no good run for too long',
      async () => {
        const { status, checks } = await readinessOf(server)
        return checks.runs?.ok === false && { status, checks }
      },
      50_000,
    )
    expect(Date.now() - startedAt).toBeGreaterThan(3 * EVERY_MS + 25_000)
    expect(late.status).toBe(503)
    expect(late.checks).toMatchObject({
      workers: { ok: true },
      schedule: { ok: true },
      runs: { detail: expect.stringMatching(/^the last good run ended \d+ s ago/) },
    })
    await place.client.del(`${place.prefix}likes`)
    await waitUntilReady(server)
  }))

test.concurrent('a worker is ready while its DATA_DIR can be written and the buffer answers, and has its own metrics', () =>
  atStation(SELDOM, async ({ place, world }) => {
    // Nothing stops root from writing.
    const uid = process.getuid?.() === 0 ? { uid: 65_534 } : {}
    await mkdir(place.dataDir)
    if (uid.uid !== undefined) await chown(place.dataDir, uid.uid, uid.uid)
    const port = String(await freePort())
    const env = { ...place.env, METRICS_PORT: port }
    const running = startSkydrain(['worker'], { cwd: place.cwd, env, ...uid })
    running.ended.catch(() => undefined)
    try {
      await running.says('A worker of 2 threads')
      const worker = { url: `http://127.0.0.1:${port}` }
      expect(await readinessOf(worker)).toMatchObject({ status: 200, ready: true })
      const samples = await scrapeOf(worker)
      expect(samples.get('skydrain_worker_threads')).toBe(2)
      expect([...samples.keys()].filter(it => /^skydrain_(flow|stream)_/.test(it))).toEqual([])

      await chmod(place.dataDir, 0o555)
      const refused = { dataset: { ok: false }, streams: { ok: true } }
      expect(await readinessOf(worker)).toMatchObject({ status: 503, ready: false, checks: refused })
      await chmod(place.dataDir, 0o755)
      expect(await readinessOf(worker)).toMatchObject({ status: 200 })

      await world.redis.kill()
      const away = {
        dataset: { ok: true },
        streams: { ok: false, detail: expect.stringMatching(/Redis at /) },
      }
      expect(await readinessOf(worker)).toMatchObject({ status: 503, ready: false, checks: away })
      expect((await scrapeOf(worker)).get('skydrain_worker_threads')).toBe(2)
      await world.redis.restart()
      expect(await readinessOf(worker)).toMatchObject({ status: 200 })
    } finally {
      running.child.kill('SIGKILL')
      await running.ended.catch(() => undefined)
    }
  }))

test.concurrent('where both Redis servers hang, or the queue is away, the server answers within 5 s, and SIGTERM ends it with 0 within 10 s', () =>
  atStation(SELDOM, async station => {
    const { queue, world } = station
    // At 9.5 s a process lets go of all that has not closed: that is for what nobody foresaw.
    const inTime = ({ code, tookMs }: { code: number | null; tookMs: number }) => [code, tookMs < 9_000]
    const [hanging, left] = await Promise.all([serve(station, 'server'), serve(station, 'server')])
    await waitFor('the schedule', async () => (await readinessOf(left)).checks.schedule?.ok)
    for (const { pid } of [queue, world.redis]) process.kill(pid, 'SIGSTOP')
    const [{ status, checks }, samples] = await Promise.all([readinessOf(left), scrapeOf(left)])
    expect([status, checks.workers?.ok, checks.streams?.ok]).toEqual([503, false, false])
    expect(samples.has('skydrain_flow_runs_total{flow="data-writer",state="completed"}')).toBe(true)
    const scrape = scrapeOf(hanging).catch(() => 'cut off')
    const half = connect(Number(new URL(hanging.url).port), '127.0.0.1').on('error', () => undefined)
    half.write('GET /metrics HTTP/1.1\r\nhost: ')
    expect(inTime(await hanging.stop())).toEqual([0, true])
    await scrape
    half.destroy()
    for (const { pid } of [queue, world.redis]) process.kill(pid, 'SIGCONT')

    await queue.kill()
    const late = await serve(station, 'server')
    for (const server of [left, late]) expect((await waitUntilReady(server, false)).status).toBe(503)
    const ends = await Promise.all([left.stop(), late.stop()])
    expect(ends.map(inTime)).toEqual([
      [0, true],
      [0, true],
    ])
  }))

test.concurrent('two servers and two workers on one queue make one run a tick, and one server that ends takes no schedule along', () =>
  atStation(OFTEN, async station => {
    const { place } = station
    const servers = await Promise.all([serve(station, 'server'), serve(station, 'server')])
    await Promise.all([serve(station, 'worker'), serve(station, 'worker')])
    const produced = await generate(place, 1_000)
    await waitForEvents(station, 'four runs', events => runIds(events).size >= 4)
    expect((await servers[0]?.stop())?.code).toBe(0)
    const stoppedAt = Date.now()
    const events = await waitForEvents(station, 'three runs more', found => {
      return runIds(found.filter(it => Date.parse(it.time) > stoppedAt)).size >= 3
    })
    const dueTimes = events
      .filter(it => it.state === 'Running')
      .map(it => Date.parse(it.time) - (it.waitedMs ?? 0))
    expect(dueTimes.every(it => it % EVERY_MS === 0)).toBe(true)
    expect(new Set(dueTimes).size).toBe(dueTimes.length)
    expect(runIds(events).size).toBe(dueTimes.length)
    expect(events.filter(it => it.state !== 'Running' && it.state !== 'Completed')).toEqual([])
    await waitFor('the streams to be drained', () => isEmpty(place))
    expect(sumOf(await datasetSizes(place))).toBe(sumOf(produced))
  }))

function runIds(events: readonly { readonly runId: string }[]): ReadonlySet<string> {
  return new Set(events.map(it => it.runId))
}
