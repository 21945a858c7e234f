import type { Redis } from 'ioredis'

import { toError } from '../engine/errors.ts'
import { connectRedis, type RedisAddress, whereIs } from './connect.ts'
import { redisError } from './redis-errors.ts'
import { within } from './within.ts'

/** A commit is made after 60 s at the latest, and the claim renewed before each. */
const HELD_MS = 90_000

/** A Redis that hangs must not hold up the end of a drain. */
const RELEASE_WITHIN_MS = 1_000

/**
 * The claim of a run to a stream: `<run> <client id>…` under `<stream>:skydrain:run`, an id for each connection
 * that drains a range of it for that run. It only saves the work that two drains of one stream would both do;
 * no entry hangs on it. So whatever the server answers, too full or not allowed, the drain goes on without.
 */
export class RunClaim {
  readonly #redis: Redis
  readonly #key: string
  #client: string | undefined
  #run: string | undefined

  constructor(redis: Redis, stream: string) {
    this.#redis = redis
    this.#key = keyOf(stream)
  }

  /** Takes or renews it for a run. Returns the run that has it where that is another one, and living. */
  async take(run: string): Promise<string | undefined> {
    try {
      return await this.#take(run)
    } catch (error) {
      if (toError(error).name !== 'ReplyError') throw error
      return undefined
    }
  }

  /** Gives it back, but for what the run's other ranges have of it. Best effort: it dies with the connection. */
  async release(): Promise<void> {
    if (this.#run !== undefined) await within(RELEASE_WITHIN_MS, this.#release()).catch(() => undefined)
  }

  async #take(run: string): Promise<string | undefined> {
    this.#client ??= String(await this.#redis.client('ID'))
    const [text] = await Promise.all([
      this.#redis.set(this.#key, `${run} ${this.#client}`, 'PX', HELD_MS, 'NX', 'GET'),
      // In the same round trip. Where the claim was lost since, another run's is renewed for once.
      this.#run === undefined ? undefined : this.#redis.pexpire(this.#key, HELD_MS),
    ])
    const holder = text === null ? undefined : holderOf(text)
    this.#run = undefined
    if (holder !== undefined && holder.run !== run && (await this.#isAlive(holder))) return holder.run
    this.#run = run
    if (holder === undefined || (holder.run === run && holder.clients.includes(this.#client)))
      return undefined
    const others = holder.run === run ? holder.clients : []
    await this.#redis.set(this.#key, textOf({ run, clients: [...others, this.#client] }), 'PX', HELD_MS)
    return undefined
  }

  async #release(): Promise<void> {
    const text = await this.#redis.get(this.#key)
    const holder = text === null ? undefined : holderOf(text)
    if (holder === undefined || !holder.clients.includes(this.#client ?? '')) return
    const clients = holder.clients.filter(it => it !== this.#client)
    if (clients.length === 0) await this.#redis.del(this.#key)
    else await this.#redis.set(this.#key, textOf({ ...holder, clients }), 'KEEPTTL')
  }

  /**
   * Whether one of its connections still stands, so that nobody waits for a process that was killed. After a
   * restart of Redis another client may have that number: one without our name, or this one.
   */
  async #isAlive({ clients }: Holder): Promise<boolean> {
    const others = clients.filter(it => it !== this.#client)
    if (others.length === 0) return false
    return await isConnected(this.#redis, others)
  }
}

/** Whether a run drains one of the streams at this moment. Throws where Redis does not answer. */
export async function isAnyClaimed(address: RedisAddress, streams: readonly string[]): Promise<boolean> {
  const redis = await connectRedis(address)
  try {
    const texts = await redis.mget(streams.map(keyOf))
    const clients = texts.flatMap(text => (text === null ? [] : holderOf(text).clients))
    return clients.length > 0 && (await isConnected(redis, clients))
  } catch (error) {
    // A user who may not ask for clients drains without claims, and so does whoever looks for them.
    if (toError(error).name === 'ReplyError') return false
    throw redisError(error, whereIs(address))
  } finally {
    redis.disconnect()
  }
}

/** Whether one of these clients is a connection of ours that still stands. */
async function isConnected(redis: Redis, clients: readonly string[]): Promise<boolean> {
  const found = String(await redis.call('CLIENT', 'LIST', 'ID', ...clients))
  return found.includes(' name=skydrain ')
}

function keyOf(stream: string): string {
  return `${stream}:skydrain:run`
}

type Holder = { readonly run: string; readonly clients: readonly string[] }

function holderOf(text: string): Holder {
  const [run = '', ...clients] = text.split(' ')
  return { run, clients }
}

function textOf({ run, clients }: Holder): string {
  return [run, ...clients].join(' ')
}
