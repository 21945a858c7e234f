import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll } from 'vitest'

import { OperatingError } from '../../src/engine/errors.ts'
import type { StreamConnection, StreamsPort } from '../../src/flows/streams-port.ts'
import { perType } from '../../src/records/event-type.ts'
import type { RedisAddress } from '../../src/streams/connect.ts'
import type { Ownership } from '../../src/streams/ownership.ts'
import { redisStreams } from '../../src/streams/redis-streams.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'

export let redis: RedisServer

/** A Redis server for the tests of a file. */
export function useRedis(...options: string[]): void {
  beforeAll(async () => {
    redis = await startRedis(...options)
  })
  afterAll(() => redis?.stop())
}

/** A stream of a test's own. */
export function newStream(): string {
  return `${randomUUID().slice(0, 8)}_posts`
}

export type StreamOptions = Partial<Ownership> & { readonly address?: RedisAddress }

export function portOf(stream: string, options: StreamOptions = {}): StreamsPort {
  const { address = { url: redis.url }, ...ownership } = options
  return redisStreams({
    address,
    streams: perType(type => (type === 'posts' ? stream : `${stream}_${type}`)),
    ownership: { datasetId: 'our-dataset', group: 'skydrain', allowOtherGroups: false, ...ownership },
  })
}

/** Opens a connection to a stream, and closes it when the work is done. */
export async function using<Result>(
  stream: string,
  work: (connection: StreamConnection) => Promise<Result>,
  options: StreamOptions = {},
): Promise<Result> {
  const connection = await portOf(stream, options).connect('posts')
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}

/** Puts small entries on a stream: `1-0`, `2-0`, … */
export async function fill(stream: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, at) => `${at + 1}-0`)
  const pipeline = redis.client.pipeline()
  for (const id of ids) pipeline.xadd(stream, id, 'data', `entry ${id}`)
  await pipeline.exec()
  return ids
}

/** For `rejects.toSatisfy`: an operating error of a code, whose sentence matches. */
export function told(code: OperatingError['code'], sentence: RegExp) {
  return (error: unknown) =>
    error instanceof OperatingError && error.code === code && sentence.test(error.message)
}

/** How often the server has done a command. */
export async function callsOf(command: string): Promise<number> {
  const stats = await redis.client.info('commandstats')
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}
