import { collectionOf, type EventType } from './event-type.ts'
import { makeCreatedAtText } from './generator/created-at-text.ts'
import { cidOfRecord, tidOf } from './generator/identifiers.ts'
import { makePopulation, type Population } from './generator/population.ts'
import { makePostRecord } from './generator/post-record.ts'
import { below, chance, pick, type Random, sfc32, weighted } from './generator/random.ts'
import { microsecondText } from './iso-time.ts'

export type GeneratedEvent = { readonly type: EventType; readonly data: string }

/**
 * Events as the network sends them, without end: the same mix, sizes and oddities, and about 1 % in the flat
 * shape. The same options give the same events. The `cid` of every record is its true hash; CIDs of blobs and
 * of records from before the start are random and well-formed.
 */
export function* generateEvents(options: {
  readonly seed: number
  /** Microseconds since 1970 UTC: the time of the first event. */
  readonly startTimeUs: number
  /** How fast `time_us` goes on; events come as fast as they are asked for. */
  readonly ratePerSecond: number
}): Generator<GeneratedEvent, never> {
  const random = sfc32(options.seed)
  const population = makePopulation(random, options.startTimeUs)
  const meanGapUs = 1e6 / options.ratePerSecond
  let timeUs = options.startTimeUs
  for (;;) {
    const type = pick(random, types)
    const data = JSON.stringify(makeEvent({ random, population, type, timeUs }))
    yield { type, data: chance(random, 0.1) ? goEscaped(data) : data }
    // Servers number events by their time, so no two have the same.
    timeUs += Math.max(1, Math.round(-Math.log(1 - random()) * meanGapUs))
  }
}

/** Per mille, measured in July 2026; blocks were not captured there and are of another capture. */
const types = weighted([
  ['likes', 653],
  ['posts', 146],
  ['reposts', 103],
  ['follows', 91],
  ['blocks', 7],
])

/** Measured for follows and posts; the rest makes 5 % of all. */
const deleteShare: Readonly<Record<EventType, number>> = {
  likes: 0.013,
  posts: 0.108,
  reposts: 0.03,
  follows: 0.238,
  blocks: 0.05,
}

/** Official clients update none of these records, so there are only a few, for the sake of who reads them. */
const UPDATE_SHARE = 0.0005
const FLAT_SHARE = 0.01

type Making = {
  readonly random: Random
  readonly population: Population
  readonly type: EventType
  readonly timeUs: number
}

function makeEvent(making: Making): object {
  const { random, population, type, timeUs } = making
  const collection = collectionOf[type]
  const isFlat = chance(random, FLAT_SHARE)
  const rev = tidOf(timeUs - 300_000 - below(random, 400_000), below(random, 1024))
  if (chance(random, deleteShare[type])) {
    const { did, rkey } = population.oldRecord(type)
    if (isFlat) return { collection, repo: did, rkey, indexedAt: microsecondText(timeUs) }
    const commit = { rev, operation: 'delete', collection, rkey }
    return { did, time_us: timeUs, kind: 'commit', commit }
  }

  // Clocks of clients are some seconds off, most of them late.
  const createdUs = timeUs - 700_000 + Math.round((random() - 0.5) * random() * 12e6)
  const isUpdate = !isFlat && chance(random, UPDATE_SHARE)
  const { did, rkey } = isUpdate
    ? population.oldRecord(type)
    : { did: population.account(), rkey: tidOf(createdUs, below(random, 1024)) }
  const record = makeRecord(making, makeCreatedAtText(random, createdUs))
  const cid = cidOfRecord(record)
  population.remember(type, { did, rkey }, cid)
  if (isFlat) return { collection, repo: did, rkey, cid, record, indexedAt: microsecondText(timeUs) }
  const operation = isUpdate ? 'update' : 'create'
  return { did, time_us: timeUs, kind: 'commit', commit: { rev, operation, collection, rkey, record, cid } }
}

function makeRecord({ random, population, type }: Making, createdAt: string): object {
  const $type = collectionOf[type]
  switch (type) {
    case 'posts':
      return makePostRecord(random, createdAt, population.post)
    case 'likes':
    case 'reposts': {
      const via = chance(random, 0.1) ? { via: population.repost() } : {}
      return { $type, createdAt, subject: population.post(), ...via }
    }
    case 'follows': {
      const via = chance(random, 0.01) ? { via: population.repost() } : {}
      return { $type, createdAt, subject: population.account(), ...via }
    }
    case 'blocks':
      return { $type, createdAt, subject: population.account() }
  }
}

/** Go's encoder, which Jetstream uses, writes these characters as escapes unless told otherwise. */
function goEscaped(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
