import type { Redis } from 'ioredis'

import { OperatingError } from '../engine/errors.ts'
import type { IdRange, StreamConnection, StreamState, StreamsPort } from '../flows/streams-port.ts'
import type { EventType } from '../records/event-type.ts'
import type { EntryId, StreamEntry } from '../records/stream-entry.ts'
import { connectRedis, type RedisAddress, whereIs } from './connect.ts'
import { moveMonitoringGroup } from './monitoring-group.ts'
import { checkOwnership, type Ownership } from './ownership.ts'
import { REPLY_BYTES_MAX, ReadSize } from './read-size.ts'
import { redisError } from './redis-errors.ts'
import { RunClaim } from './run-claim.ts'
import { readIdentity } from './server-identity.ts'
import { readStreamInfo } from './stream-info.ts'

export type RedisStreamsOptions = {
  readonly address: RedisAddress
  readonly streams: Readonly<Record<EventType, string>>
  readonly ownership: Ownership
}

/** Chunks of 1,000 ids hold every other client up for about 2 ms; 10,000 for 20 (measured on Redis 7.0). */
const IDS_PER_XDEL = 1_000
const XDELS_PER_PIPELINE = 100

export function redisStreams(options: RedisStreamsOptions): StreamsPort {
  const sizes = new Map<EventType, ReadSize>()
  return {
    connect: async type => {
      const size = sizes.get(type) ?? new ReadSize()
      sizes.set(type, size)
      const redis = await connectRedis(options.address)
      return new RedisStreamConnection(redis, options, options.streams[type], size)
    },
  }
}

class RedisStreamConnection implements StreamConnection {
  readonly #redis: Redis
  readonly #options: RedisStreamsOptions
  readonly #stream: string
  readonly #size: ReadSize
  readonly #bytes: ReplyBytes
  readonly #claim: RunClaim
  #identity: string | undefined

  constructor(redis: Redis, options: RedisStreamsOptions, stream: string, size: ReadSize) {
    this.#redis = redis
    this.#options = options
    this.#stream = stream
    this.#size = size
    this.#bytes = new ReplyBytes(redis)
    this.#claim = new RunClaim(redis, stream)
  }

  inspect = async (): Promise<StreamState> => {
    return await this.#told(async () => {
      await this.#checkSameServer()
      await checkOwnership(this.#redis, this.#stream, this.#options.ownership)
      return { name: this.#stream, ...(await readStreamInfo(this.#redis, this.#stream)) }
    })
  }

  claim = async (run: string): Promise<string | undefined> => {
    return await this.#told(() => this.#claim.take(run))
  }

  read = async ({ from, to }: IdRange, wanted: number): Promise<readonly StreamEntry[]> => {
    const count = this.#size.count(wanted)
    this.#bytes.start(count > 1 ? REPLY_BYTES_MAX : Number.POSITIVE_INFINITY)
    try {
      const reply = await this.#told(() => this.#redis.xrangeBuffer(this.#stream, from, to, 'COUNT', count))
      // The last bytes of the reply may be the ones too many: the connection is cut then, too.
      if (this.#bytes.isOver) throw new Error('the reply was over its limit')
      this.#size.took(reply.length, this.#bytes.count)
      // Other replies have no limit: XINFO STREAM holds the first and the last entry, whatever their size.
      this.#bytes.start(Number.POSITIVE_INFINITY)
      return reply.map(([id, fields]) => ({ id: id.toString('latin1'), fields }))
    } catch (error) {
      if (!this.#bytes.isOver) throw error
      this.#size.cut(count)
      throw new OperatingError(
        'reply-too-large',
        `${count} entries of ${this.#stream} are more than ${REPLY_BYTES_MAX / 1024 / 1024} MB; they are read again, fewer at a time.`,
        { cause: error },
      )
    }
  }

  deleteEntries = async (ids: readonly EntryId[]): Promise<number> => {
    let deleted = 0
    await this.#told(() => this.#checkSameServer())
    for (let start = 0; start < ids.length; start += IDS_PER_XDEL * XDELS_PER_PIPELINE) {
      deleted += await this.#told(() =>
        this.#xdel(ids.slice(start, start + IDS_PER_XDEL * XDELS_PER_PIPELINE)),
      )
    }
    this.#size.progressed()
    return deleted
  }

  moveGroup = async (lastDeleted: EntryId): Promise<Error | undefined> => {
    const { group } = this.#options.ownership
    return await moveMonitoringGroup(this.#redis, { stream: this.#stream, group, lastDeleted })
  }

  close = async (): Promise<void> => {
    await this.#claim.release()
    this.#redis.disconnect()
  }

  /** A replica that was made of this server under its connections may hold other events under the same ids. */
  async #checkSameServer(): Promise<void> {
    const identity = await readIdentity(this.#redis)
    this.#identity ??= identity
    if (identity === this.#identity) return
    this.#redis.disconnect()
    throw new OperatingError(
      'redis-error',
      `Redis at ${whereIs(this.#options.address)} has taken over the data of another server. Nothing was deleted; what it holds is read again.`,
    )
  }

  async #xdel(ids: readonly EntryId[]): Promise<number> {
    const pipeline = this.#redis.pipeline()
    for (let start = 0; start < ids.length; start += IDS_PER_XDEL) {
      pipeline.xdel(this.#stream, ...ids.slice(start, start + IDS_PER_XDEL))
    }
    const replies = (await pipeline.exec()) ?? []
    return replies.reduce((deleted, [error, count]) => {
      if (error) throw error
      return deleted + Number(count)
    }, 0)
  }

  async #told<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call()
    } catch (error) {
      throw redisError(error, whereIs(this.#options.address), this.#stream)
    }
  }
}

/** Counts what comes in for one reply, and cuts the connection where it passes its limit. */
class ReplyBytes {
  count = 0
  #limit = Number.POSITIVE_INFINITY

  constructor(redis: Redis) {
    redis.stream.on('data', (chunk: Buffer) => {
      this.count += chunk.length
      if (this.isOver) redis.stream.destroy()
    })
  }

  get isOver(): boolean {
    return this.count > this.#limit
  }

  start(limit: number): void {
    this.count = 0
    this.#limit = limit
  }
}
