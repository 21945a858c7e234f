import { createHash } from 'node:crypto'

import { dagCborOf } from './dag-cbor.ts'
import { below, type Random } from './random.ts'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const BASE32_SORTABLE = '234567abcdefghijklmnopqrstuvwxyz'

/** CID version 1, then the codec (DAG-CBOR for records, raw for blobs), then SHA-256 of 32 bytes. */
const RECORD_PREFIX = Buffer.from([0x01, 0x71, 0x12, 0x20])
const BLOB_PREFIX = Buffer.from([0x01, 0x55, 0x12, 0x20])

/** A record's true CID: the hash of its DAG-CBOR. */
export function cidOfRecord(record: object): string {
  return cidText(RECORD_PREFIX, createHash('sha256').update(dagCborOf(record)).digest())
}

/** The well-formed CID of a record that is not there. */
export function strangerCid(random: Random): string {
  return cidText(RECORD_PREFIX, randomBytes(random))
}

/** The well-formed CID of a blob that is not there. */
export function blobCid(random: Random): string {
  return cidText(BLOB_PREFIX, randomBytes(random))
}

/** `did:plc:` and 24 characters, as the directory hands them out. */
export function plcDid(random: Random): string {
  let did = 'did:plc:'
  for (let at = 0; at < 24; at += 1) did += BASE32.charAt(below(random, 32))
  return did
}

/** A timestamp id: 53 bits of microseconds in 11 characters, then 10 bits that tell clocks apart in 2. */
export function tidOf(micros: number, clock: number): string {
  let rest = Math.max(0, micros)
  let tid = BASE32_SORTABLE.charAt((clock >> 5) & 31) + BASE32_SORTABLE.charAt(clock & 31)
  for (let at = 0; at < 11; at += 1) {
    tid = BASE32_SORTABLE.charAt(rest % 32) + tid
    rest = Math.floor(rest / 32)
  }
  return tid
}

function cidText(prefix: Buffer, hash: Buffer): string {
  let text = 'b'
  let bits = 0
  let held = 0
  for (const byte of Buffer.concat([prefix, hash])) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) text += BASE32.charAt((held >> (bits - 5)) & 31)
  }
  return bits > 0 ? text + BASE32.charAt((held << (5 - bits)) & 31) : text
}

function randomBytes(random: Random): Buffer {
  const bytes = Buffer.allocUnsafe(32)
  for (let at = 0; at < 32; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return bytes
}
