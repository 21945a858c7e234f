import { Queue } from 'bullmq'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { z } from 'zod'

import { carried } from '../../src/engine/carried-flow.ts'
import type { RunEvent } from '../../src/engine/run-event.ts'
import { PREFIX, QUEUE } from '../../src/workers/queue-names.ts'
import { type QueueWorker, startQueueWorker } from '../../src/workers/queue-worker.ts'
import { openRunQueue, type RunQueue } from '../../src/workers/run-queue.ts'
import { waitForRun } from '../../src/workers/wait-for-run.ts'
import { numberFlow, type Work } from '../engine/number-flow.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'

export let redis: RedisServer
export let queue: RunQueue
let workers: QueueWorker[]
export let events: RunEvent[]
export let warnings: string[]

/** A Redis server, a queue and the workers of each test. */
export function useQueue(): void {
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())
  beforeEach(async () => {
    await redis.client.flushall()
    workers = []
    events = []
    warnings = []
    queue = openRunQueue({ url: redis.url })
  })
  afterEach(async () => {
    await Promise.all(workers.map(it => it.close(1_000)))
    await queue?.close()
  })
}

export const log = { info: () => undefined, warning: (message: string) => void warnings.push(message) }

type NumberFlow = ReturnType<typeof numberFlow>

/** A schedule gives no parameters. */
export function onSchedule(it?: Work): NumberFlow {
  return { ...numberFlow(it), params: z.array(z.number()).catch([1]) }
}

export function work(flow: NumberFlow, name = 'here:1'): QueueWorker {
  const worker = startQueueWorker({
    address: { url: redis.url },
    flows: [carried(flow)],
    concurrency: 2,
    name,
    log,
    emit: event => void events.push(event),
  })
  workers.push(worker)
  return worker
}

export async function ended(runId: string) {
  const signal = new AbortController().signal
  return await waitForRun(queue, runId, { onLook: () => undefined, warn: () => undefined, signal })
}

/** Work that waits until it is let go. */
export function held() {
  let letGo: () => void = () => undefined
  const released = new Promise<void>(resolve => {
    letGo = resolve
  })
  const begun: number[] = []
  const hold: Work = async (part, { keep, signal }) => {
    begun.push(part)
    const stopped = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    )
    await Promise.race([released, stopped])
    keep(part)
  }
  return { hold, letGo, begun }
}

export async function keysOf(kind: string): Promise<number> {
  const bull = new Queue(QUEUE, { prefix: PREFIX, connection: { url: redis.url } })
  const jobs = await bull.getJobs(['waiting', 'active', 'delayed', 'waiting-children', 'completed', 'failed'])
  await bull.close()
  return jobs.filter(job => job?.name === kind).length
}
