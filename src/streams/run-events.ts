import type { RunEvent } from '../engine/run-event.ts'
import { connectRedis, type RedisAddress, whereIs } from './connect.ts'
import { EventOutbox } from './event-outbox.ts'
import { entriesFrom, type RawEntry } from './event-reader.ts'
import { redisError } from './redis-errors.ts'
import { parseRunEvent } from './run-event-text.ts'

/** Where workers tell of their runs; in the slot of the queue's own keys. */
export const RUN_EVENTS_KEY = '{skydrain}:runs'

/** The events of runs, on a stream of the queue's Redis. The same event may come twice: a run and a state name it. */
export type RunEvents = {
  /**
   * Returns at once and never throws. The event is delivered when Redis takes it, after those before it; while
   * it does not, the newest 1,000 are kept. After `close` nothing is delivered any more.
   */
  readonly emit: (event: RunEvent) => void

  /**
   * Gives every event behind the entry `from` ('0': all that are there), then each new one, one after another,
   * through any outage of Redis, until the signal is aborted or this is closed. Where the stream was emptied
   * meanwhile and begins anew, it is read from its beginning again. Throws what `take` throws, and nothing else.
   */
  readonly follow: (options: FollowOptions) => Promise<void>

  /** The newest events, newest first. Throws `redis-unreachable` and the like. */
  readonly latest: (count: number) => Promise<readonly StoredEvent[]>

  /** Ends what follows, tries for so long to deliver what is kept, then lets go. May be done twice. */
  readonly close: (withinMs: number) => Promise<void>
}

export type FollowOptions = {
  readonly from: string
  readonly take: (id: string, event: RunEvent) => Promise<void> | void
  readonly signal: AbortSignal
}

export type StoredEvent = { readonly id: string; readonly event: RunEvent }

/** Connects to nothing before it is used: Redis may be away. `told` is given sentences for the operator. */
export function openRunEvents(
  address: RedisAddress,
  { told }: { readonly told: (message: string) => void },
): RunEvents {
  const options = { address, key: RUN_EVENTS_KEY, told }
  const outbox = new EventOutbox(options)
  const closed = new AbortController()
  return {
    emit: event => outbox.add(event),
    follow: async ({ from, take, signal }) => {
      const until = AbortSignal.any([signal, closed.signal])
      let isTold = false
      for await (const entry of entriesFrom({ ...options, from, signal: until })) {
        const event = eventOf(entry)
        if (event !== undefined) await take(entry[0], event)
        else if (!isTold) told(malformedText(entry, address))
        isTold ||= event === undefined
      }
    },
    latest: async count => await readLatest(address, count),
    close: async withinMs => {
      closed.abort()
      await outbox.close(withinMs)
    },
  }
}

async function readLatest(address: RedisAddress, count: number): Promise<readonly StoredEvent[]> {
  const redis = await connectRedis(address)
  try {
    const entries = await redis.xrevrange(RUN_EVENTS_KEY, '+', '-', 'COUNT', count)
    return entries.flatMap(entry => {
      const event = eventOf(entry)
      return event === undefined ? [] : [{ id: entry[0], event }]
    })
  } catch (error) {
    throw redisError(error, whereIs(address), RUN_EVENTS_KEY)
  } finally {
    redis.disconnect()
  }
}

function eventOf([, fields]: RawEntry): RunEvent | undefined {
  return parseRunEvent(fields[fields.indexOf('event') + 1])
}

function malformedText([id]: RawEntry, address: RedisAddress): string {
  return `Entry ${id} of ${RUN_EVENTS_KEY} in Redis at ${whereIs(address)} is no event of a run that this version knows. It is skipped, and so are others like it.`
}
