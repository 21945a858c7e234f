import { isObject } from '../json.ts'

/** Generated records stay far below this; the network allows about 1 MB. */
const BYTES_MAX = 64 * 1024

const TEXT = 3
const LIST = 4
const MAP = 5

const buffer = Buffer.alloc(BYTES_MAX)

/**
 * The DAG-CBOR of a record as atproto hashes it: keys ordered by length, then bytes; `{"$link"}` as tag 42. It
 * knows what generated records hold: texts, whole numbers from 0 up to 2^32, booleans, lists and objects. The
 * bytes are valid until the next call.
 */
export function dagCborOf(record: object): Buffer {
  return buffer.subarray(0, write(record, 0))
}

/** Writes a value at an offset and returns the offset after it. */
function write(value: unknown, at: number): number {
  if (typeof value === 'string') {
    const start = writeHead(TEXT, Buffer.byteLength(value), at)
    return start + buffer.write(value, start)
  }
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return writeHead(0, value, at)
  if (typeof value === 'boolean') return buffer.writeUInt8(value ? 0xf5 : 0xf4, at)
  if (Array.isArray(value)) {
    return value.reduce((next: number, item) => write(item, next), writeHead(LIST, value.length, at))
  }
  if (!isObject(value)) throw new Error(`DAG-CBOR of a generated record: no form for ${String(value)}`)
  if (typeof value.$link === 'string') return writeLink(value.$link, at)
  const keys = Object.keys(value).sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
  return keys.reduce((next, key) => write(value[key], write(key, next)), writeHead(MAP, keys.length, at))
}

/** Tag 42, then a byte string: a zero for "binary", then the CID. */
function writeLink(cid: string, at: number): number {
  const bytes = base32Bytes(cid.slice(1))
  const start = at + buffer.write('d82a58', at, 'hex')
  buffer.writeUInt8(bytes.length + 1, start)
  buffer.writeUInt8(0, start + 1)
  return start + 2 + bytes.copy(buffer, start + 2)
}

function writeHead(major: number, length: number, at: number): number {
  if (length < 24) return buffer.writeUInt8((major << 5) | length, at)
  if (length < 0x100) return buffer.writeUInt8(length, buffer.writeUInt8((major << 5) | 24, at))
  if (length < 0x10000) return buffer.writeUInt16BE(length, buffer.writeUInt8((major << 5) | 25, at))
  return buffer.writeUInt32BE(length, buffer.writeUInt8((major << 5) | 26, at))
}

function base32Bytes(text: string): Buffer {
  const bytes: number[] = []
  let bits = 0
  let held = 0
  for (const character of text) {
    held = ((held << 5) | 'abcdefghijklmnopqrstuvwxyz234567'.indexOf(character)) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes.push((held >> bits) & 0xff)
    }
  }
  return Buffer.from(bytes)
}
