import type { Config } from './config.ts'
import { commitLogs } from './dataset/commit-log.ts'
import { openDataset } from './dataset/dataset.ts'
import { nodeDisk } from './dataset/disk.ts'
import { Closers } from './engine/closers.ts'
import type { OpenParquet } from './flows/dataset-port.ts'
import type { DrainTools } from './flows/drain-setting.ts'
import type { ParquetPort } from './flows/parquet-port.ts'
import { openParquet } from './parquet/open.ts'
import { type EventType, perType } from './records/event-type.ts'
import type { RedisAddress } from './streams/connect.ts'
import { redisStreams } from './streams/redis-streams.ts'

export type DrainParts = {
  readonly tools: DrainTools
  readonly close: () => Promise<void>
}

/** Everything a drain needs, plugged together. */
export async function openDrain(config: Config, warn: (message: string) => void): Promise<DrainParts> {
  const closers = new Closers()
  const streams = streamNames(config)
  const dataset = await openDataset(nodeDisk, config.dataDir, streams)
  const tools: DrainTools = {
    streams: redisStreams({
      address: redisAddress(config),
      streams,
      ownership: {
        datasetId: dataset.id,
        group: config.consumerGroup,
        allowOtherGroups: config.allowOtherGroups,
      },
    }),
    dataset: commitLogs(dataset, {
      disk: nodeDisk,
      openParquet: lazyParquet(config, closers, warn),
      now: Date.now,
    }),
    limits: config,
    now: Date.now,
    warn,
  }
  return { tools, close: () => closers.close() }
}

/** Opens Parquet once, when it is first asked for: an empty stream then costs no writer. */
export function lazyParquet(
  { parquetWriter }: Config,
  closers: Closers,
  warn: (message: string) => void,
): OpenParquet {
  let opening: Promise<ParquetPort> | undefined
  return () => {
    opening ??= openParquet({ writer: parquetWriter, warn }).then(parquet =>
      closers.add(parquet, it => it.close()),
    )
    return opening
  }
}

export function streamNames({
  streamPrefix,
}: Pick<Config, 'streamPrefix'>): Readonly<Record<EventType, string>> {
  return perType(type => `${streamPrefix}${type}`)
}

export function redisAddress({ redis }: Pick<Config, 'redis'>): RedisAddress {
  return addressOf(redis)
}

export function queueAddress({ queueRedis }: Pick<Config, 'queueRedis'>): RedisAddress {
  return addressOf(queueRedis)
}

function addressOf({ url, username, password, tls }: Config['redis']): RedisAddress {
  return {
    url,
    username,
    password: password?.reveal(),
    tls: tls && {
      ...(tls.ca !== undefined && { ca: tls.ca }),
      ...(tls.cert !== undefined && { cert: tls.cert }),
      ...(tls.key !== undefined && { key: tls.key.reveal() }),
    },
  }
}
