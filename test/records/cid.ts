import { createHash } from 'node:crypto'
import { encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'

const DAG_CBOR = 0x71
const SHA_256 = 0x12

/**
 * The CID that a record's own JSON leads to: an independent proof that nothing of it was lost or changed. It
 * shares no code with src/.
 */
export function cidOf(record: unknown): string {
  const hash = createHash('sha256')
    .update(encode(ipldOf(record)))
    .digest()
  return CID.createV1(DAG_CBOR, create(SHA_256, hash)).toString()
}

/** `{"$link": cid}` stands for a link and `{"$bytes": base64}` for bytes. */
function ipldOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ipldOf)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value)
  const [first] = members
  if (members.length === 1 && first !== undefined && typeof first[1] === 'string') {
    if (first[0] === '$link') return CID.parse(first[1])
    if (first[0] === '$bytes') return new Uint8Array(Buffer.from(first[1], 'base64'))
  }
  return Object.fromEntries(members.map(([key, member]) => [key, ipldOf(member)]))
}
