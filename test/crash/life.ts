import { randomUUID } from 'node:crypto'

import { commitLogs } from '../../src/dataset/commit-log.ts'
import { openDataset } from '../../src/dataset/dataset.ts'
import { nodeDisk } from '../../src/dataset/disk.ts'
import { Closers } from '../../src/engine/closers.ts'
import { drain } from '../../src/flows/drain.ts'
import { type DrainCounts, DrainReport } from '../../src/flows/drain-report.ts'
import type { ParquetPort } from '../../src/flows/parquet-port.ts'
import { openParquet } from '../../src/parquet/open.ts'
import { perType } from '../../src/records/event-type.ts'
import { FIRST_ID, LAST_ID } from '../../src/records/stream-entry.ts'
import { redisStreams } from '../../src/streams/redis-streams.ts'
import { countedDisk, countedParquet, countedStreams, type Step } from './counted-effects.ts'

export type Life = {
  readonly redisUrl: string
  readonly prefix: string
  readonly dataDir: string
  readonly writer: 'duckdb' | 'parquetjs'
  readonly batchSize: number
  readonly fileRowsMax: number
  /** How far the clock of this life is ahead, so that staging of earlier lives counts as abandoned. */
  readonly aheadMs?: number
}

/** One life of a worker that drains the posts: every effect goes through `step`, which may end it. */
export async function live(life: Life, step: Step): Promise<DrainCounts> {
  const now = () => Date.now() + (life.aheadMs ?? 0)
  const disk = countedDisk(nodeDisk, step)
  const streams = perType(type => `${life.prefix}${type}`)
  const dataset = await openDataset(disk, life.dataDir, streams)
  const closers = new Closers()
  let parquet: Promise<ParquetPort> | undefined
  const openOnce = () => {
    parquet ??= openParquet({ writer: life.writer, warn: message => console.error(message) }).then(opened =>
      countedParquet(
        closers.add(opened, it => it.close()),
        step,
      ),
    )
    return parquet
  }
  const report = new DrainReport()
  const ownership = { datasetId: dataset.id, group: 'skydrain', allowOtherGroups: false }
  try {
    await drain(
      {
        streams: countedStreams(redisStreams({ address: { url: life.redisUrl }, streams, ownership }), step),
        dataset: commitLogs(dataset, { disk, now, openParquet: openOnce }),
        limits: { batchSize: life.batchSize, fileRowsMax: life.fileRowsMax, entryBytesMax: 16_777_216 },
        now,
        warn: () => undefined,
      },
      {
        type: 'posts',
        range: { from: FIRST_ID, to: LAST_ID },
        run: randomUUID(),
        readUntil: Number.POSITIVE_INFINITY,
      },
      report,
      new AbortController().signal,
    )
    step('the end')
    return report.counts
  } finally {
    await closers.close()
  }
}
