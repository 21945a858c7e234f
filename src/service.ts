import { randomUUID } from 'node:crypto'

import type { Config, Env } from './config.ts'
import { type Dataset, openDataset, readDataset } from './dataset/dataset.ts'
import { nodeDisk } from './dataset/disk.ts'
import { rejectedFiles } from './dataset/rejected-files.ts'
import { repair, type Verdict, verify } from './dataset/verify.ts'
import { lazyParquet, redisAddress, streamNames } from './drain-parts.ts'
import { DrainPool } from './drain-pool.ts'
import { Closers } from './engine/closers.ts'
import { OperatingError, toError } from './engine/errors.ts'
import { type DataWriter, dataWriter } from './flows/data-writer.ts'
import type { EventSink } from './flows/load-events.ts'
import type { RejectedPort } from './flows/rejected-port.ts'
import { openQuery, type QueryResult } from './parquet/query.ts'
import { openProducer } from './streams/producer.ts'
import { readStreamSpans } from './streams/stream-spans.ts'

/** A part that was opened, and how to close it. Every function here plugs one part together, by hand. */
export type Opened<Part> = { readonly part: Part; readonly close: () => Promise<void> }

/**
 * The data-writer flow with its own worker threads. Fails at once, with a sentence, where DATA_DIR or Redis
 * cannot be used: a run would only find the same, five times and after its retries.
 */
export async function openDataWriter({
  config,
  env,
}: {
  config: Config
  env: Env
}): Promise<Opened<DataWriter>> {
  await openDataset(nodeDisk, config.dataDir, streamNames(config))
  const spans = () => readStreamSpans(redisAddress(config), streamNames(config))
  await spans()
  const pool = new DrainPool({ env, size: config.workers })
  const part = dataWriter({ drain: pool.drain, spans, timeoutMs: config.runTimeoutMs })
  return { part, close: () => pool.close() }
}

/** Where events are put on the streams. */
export async function openStreams(config: Config): Promise<EventSink> {
  return await openProducer(redisAddress(config), streamNames(config))
}

export type Auditor = {
  readonly verify: (
    onProgress: (done: { readonly files: number; readonly of: number }) => void,
    signal: AbortSignal,
  ) => Promise<Verdict>
  readonly repair: () => Promise<void>
}

export async function openAuditor(config: Config, warn: (message: string) => void): Promise<Opened<Auditor>> {
  const dataset = await existingDataset(config)
  const closers = new Closers()
  const tools = {
    disk: nodeDisk,
    dataset,
    openParquet: lazyParquet(config, closers, warn),
    now: Date.now,
    onProgress: () => undefined,
  }
  const part: Auditor = {
    verify: (onProgress, signal) => verify({ ...tools, onProgress }, signal),
    repair: () => repair(tools, `repair-${randomUUID()}`),
  }
  return { part, close: () => closers.close() }
}

export async function openRejected(
  config: Config,
  warn: (message: string) => void,
): Promise<Opened<RejectedPort>> {
  const dataset = await existingDataset(config)
  const closers = new Closers()
  const openParquet = lazyParquet(config, closers, warn)
  return {
    part: rejectedFiles(dataset, { disk: nodeDisk, openParquet, now: Date.now }),
    close: () => closers.close(),
  }
}

/** Runs SQL over the dataset, once. Throws `bad-query` with DuckDB's words, or `no-duckdb`. */
export async function runQuery(config: Config, sql: string, signal: AbortSignal): Promise<QueryResult> {
  await existingDataset(config)
  const query = await openQuery({ dataDir: config.dataDir }).catch(cause => {
    throw new OperatingError('no-duckdb', `${toError(cause).message}.`, { cause })
  })
  try {
    return await query.run(sql, signal)
  } catch (cause) {
    throw new OperatingError('bad-query', toError(cause).message, { cause })
  } finally {
    await query.close()
  }
}

/** The dataset of DATA_DIR, for those who only read it: never makes one. */
async function existingDataset({ dataDir }: Config): Promise<Dataset> {
  const dataset = await readDataset(nodeDisk, dataDir)
  if (dataset !== undefined) return dataset
  throw new OperatingError(
    'no-dataset',
    `There is no dataset in ${dataDir} yet. bin/skydrain run data-writer --local makes it; or set DATA_DIR to where it is.`,
  )
}
