import { collectionOf, type EventType } from '../event-type.ts'
import { plcDid, strangerCid, tidOf } from './identifiers.ts'
import type { Ref } from './post-record.ts'
import { below, type Random } from './random.ts'

/** Likes of the measured hour came from 118,000 accounts; half as many make generated files compress alike. */
const ACCOUNTS = 50_000
/** Records that can still be liked, answered or deleted. */
const RECORDS_KEPT = 5_000

export type RecordKey = { readonly did: string; readonly rkey: string }

/** Who is there, and what they have made lately. Few accounts do most, and new posts get most of the likes. */
export type Population = {
  readonly account: () => string
  /** A recent post; one from before our time while there is none. */
  readonly post: () => Ref
  /** A repost, whose uri a like can name as the way it was found. */
  readonly repost: () => Ref
  /** A record that its account can delete now. */
  readonly oldRecord: (type: EventType) => RecordKey
  readonly remember: (type: EventType, key: RecordKey, cid: string) => void
}

export function makePopulation(random: Random, startTimeUs: number): Population {
  const dids: string[] = []
  const records = new Map<EventType, { key: RecordKey; cid: string }[]>()

  const account = () => {
    const index = Math.floor(random() ** 2 * ACCOUNTS)
    const did = dids[index] ?? plcDid(random)
    dids[index] = did
    return did
  }
  const recent = (type: EventType) => {
    const kept = records.get(type) ?? []
    return (
      kept[kept.length - 1 - Math.floor(random() ** 3 * kept.length)] ?? {
        key: { did: account(), rkey: tidOf(startTimeUs - below(random, 1e12), below(random, 1024)) },
        cid: strangerCid(random),
      }
    )
  }
  const ref = (type: EventType) => {
    const { key, cid } = recent(type)
    return { cid, uri: `at://${key.did}/${collectionOf[type]}/${key.rkey}` }
  }
  return {
    account,
    post: () => ref('posts'),
    repost: () => ref('reposts'),
    oldRecord: type => recent(type).key,
    remember: (type, key, cid) => {
      const kept = records.get(type) ?? []
      kept.push({ key, cid })
      if (kept.length >= 2 * RECORDS_KEPT) kept.splice(0, RECORDS_KEPT)
      records.set(type, kept)
    },
  }
}
