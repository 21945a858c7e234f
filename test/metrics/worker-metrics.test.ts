import { expect, test } from 'vitest'

import { createWorkerMetrics } from '../../src/metrics/worker-metrics.ts'
import { parseScrape } from './prometheus-text.ts'
import { metricsWith } from './sample-events.ts'

const ours = (names: Iterable<string>) => [...names].filter(it => it.startsWith('skydrain_'))

test('a worker shows its threads, what it drains now, and the runs that it began by itself', async () => {
  const metrics = createWorkerMetrics({ version: '1.2.3', threads: 4 })
  const scrape = async () => parseScrape(await metrics.text())
  const first = await scrape()
  expect(first.samples.get('skydrain_worker_threads')).toBe(4)
  expect(first.samples.get('skydrain_worker_draining')).toBe(0)
  expect(first.samples.get('skydrain_worker_own_clock_runs_total')).toBe(0)
  expect(first.samples.get(`skydrain_build_info{version="1.2.3",node_version="${process.version}"}`)).toBe(1)
  metrics.draining(3)
  metrics.ownClock()
  metrics.ownClock()
  const { samples } = await scrape()
  expect(samples.get('skydrain_worker_draining')).toBe(3)
  expect(samples.get('skydrain_worker_own_clock_runs_total')).toBe(2)
  metrics.draining(0)
  expect((await scrape()).samples.get('skydrain_worker_draining')).toBe(0)
  expect(metrics.contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
})

test('no name of ours is at a worker and at the server but the versions, so that sums count nothing twice', async () => {
  const worker = parseScrape(await createWorkerMetrics({ version: '1', threads: 1 }).text())
  const server = await metricsWith().scrape()
  expect(ours(worker.families.keys()).filter(it => server.families.has(it))).toEqual(['skydrain_build_info'])
  expect(worker.samples.get('process_resident_memory_bytes')).toBeGreaterThan(1_000_000)
})
