import type { Config } from '../config.ts'
import { readDataset } from '../dataset/dataset.ts'
import { nodeDisk } from '../dataset/disk.ts'
import { queueAddress } from '../drain-parts.ts'
import type { Opened } from '../service.ts'
import { checkQueueServer } from '../streams/queue-server.ts'
import type { QueuedRun } from '../workers/queued-run.ts'
import { openRunQueue, type RunQueue } from '../workers/run-queue.ts'
import { type WaitOptions, waitForRun } from '../workers/wait-for-run.ts'

/** The queue, and how to wait for a run in it. */
export type WatchedQueue = RunQueue & {
  readonly wait: (runId: string, options: WaitOptions) => Promise<QueuedRun>
}

/**
 * The queue, for those who ask for runs. Throws, with a sentence, where its Redis is away, may evict its keys,
 * or holds the queue of another dataset.
 */
export async function openQueue(config: Config): Promise<Opened<WatchedQueue>> {
  const dataset = await readDataset(nodeDisk, config.dataDir)
  await checkQueueServer(queueAddress(config), dataset?.id)
  return watchedQueue(config)
}

/** The same for those who have checked it: opens without a word, also where the queue's Redis is away. */
export function watchedQueue(config: Config): Opened<WatchedQueue> {
  const queue = openRunQueue(queueAddress(config))
  const part = { ...queue, wait: (runId: string, options: WaitOptions) => waitForRun(queue, runId, options) }
  return { part, close: queue.close }
}
