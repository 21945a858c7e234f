import { isObject } from './json.ts'

/** A field's bytes in JSON: the text where they are UTF-8, else base64. */
export type FieldJson = string | { readonly $base64: string }

// Fatal, because a decoder that puts U+FFFD for a bad byte loses the byte; ignoreBOM keeps a leading U+FEFF.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text, or undefined where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

const DATA = Buffer.from('data')

/** The value of the first field named `data`, and all other fields in their order, still alternating. */
export function splitFields(fields: readonly Buffer[]): {
  data: Buffer | undefined
  others: readonly Buffer[]
} {
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at]?.equals(DATA)) {
      return { data: fields[at + 1], others: fields.toSpliced(at, 2) }
    }
  }
  return { data: undefined, others: fields }
}

export function bytesOf(fields: readonly Buffer[]): number {
  let bytes = 0
  for (const field of fields) bytes += field.length
  return bytes
}

/** Fields as `[name, value]` pairs. A last name without a value, which Redis never sends, stands alone. */
export function fieldPairs(fields: readonly Buffer[]): readonly (readonly FieldJson[])[] {
  const pairs: FieldJson[][] = []
  for (let at = 0; at < fields.length; at += 2) pairs.push(fields.slice(at, at + 2).map(fieldJson))
  return pairs
}

/** The inverse of `fieldPairs`. Throws where `pairs` is not of that form. */
export function fieldsOfPairs(pairs: unknown): readonly Buffer[] {
  if (!Array.isArray(pairs)) throw new Error('Fields must be a list of [name, value] pairs.')
  return pairs.flatMap((pair: unknown) => {
    if (!Array.isArray(pair)) throw new Error('Each field must be a [name, value] pair.')
    return pair.map(fieldBytes)
  })
}

/**
 * Fields as an object of name and text, the form that is easy to query; as pairs where an object would lose
 * something: a name twice, bytes that are no text, or names that JavaScript objects put into another order.
 */
export function fieldsJson(fields: readonly Buffer[]): unknown {
  const pairs = fieldPairs(fields)
  const names = new Set<unknown>()
  for (const [name, value] of pairs) {
    const isPlain = typeof name === 'string' && typeof value === 'string' && !/^(\d+|__proto__)$/.test(name)
    if (!isPlain || names.has(name)) return pairs
    names.add(name)
  }
  return Object.fromEntries(pairs)
}

/** The inverse of `fieldsJson`. */
export function fieldsOfJson(json: unknown): readonly Buffer[] {
  return fieldsOfPairs(isObject(json) ? Object.entries(json) : json)
}

/**
 * A control character becomes six in JSON: 95 MB of NUL would pass the longest string there can be. A large field
 * is base64 therefore, which is a third longer than its bytes whatever they are.
 */
const TEXT_BYTES_MAX = 32 * 1024 * 1024

function fieldJson(bytes: Buffer): FieldJson {
  const text = bytes.length > TEXT_BYTES_MAX ? undefined : decodeUtf8(bytes)
  return text ?? { $base64: bytes.toString('base64') }
}

function fieldBytes(json: unknown): Buffer {
  if (typeof json === 'string') return Buffer.from(json)
  if (isObject(json) && typeof json.$base64 === 'string') return Buffer.from(json.$base64, 'base64')
  throw new Error('A field must be a text or {"$base64": text}.')
}
