import { assert } from 'vitest'
import { columnsOf, type Row, type Value } from '../../src/records/columns.ts'
import { collectionOf, type EventType } from '../../src/records/event-type.ts'
import { rebuildEvent } from '../../src/records/rebuild.ts'
import { toRow } from '../../src/records/row.ts'
import type { StreamEntry } from '../../src/records/stream-entry.ts'

export const limits = { entryBytesMax: 16 * 1024 * 1024 }

/** 2026-11-21T22:05:00.123456Z, and the id of an entry that came a moment later. */
export const TIME_US = 1_795_298_700_123_456
export const ID = '1795298700500-0'

export const DID = 'did:plc:zfr76ms7mkg6ct7qldg5c3z5'
export const RKEY = '3kwrdj3olqr2t'
export const CID = 'bafyreigyimpbdaihpiowp7hnftaoqsflwbycm2g4juecvpe3owhnfwquga'

export function entryOf(
  data: unknown,
  more: readonly (string | Buffer)[] = [],
  id: string = ID,
): StreamEntry {
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return { id, fields: ['data', text, ...more].map(field => Buffer.from(field)) }
}

/** A Jetstream event of a create, or with other members of `commit`. */
export function jetstreamEvent(type: EventType, record: unknown, commit: object = {}): object {
  return {
    did: DID,
    time_us: TIME_US,
    kind: 'commit',
    commit: {
      rev: '3lawvnsupm222',
      operation: 'create',
      collection: collectionOf[type],
      rkey: RKEY,
      record,
      cid: CID,
      ...commit,
    },
  }
}

export function flatEvent(type: EventType, record: unknown, more: object = {}): object {
  const indexedAt = '2026-11-21T22:05:00.123456Z'
  return { collection: collectionOf[type], repo: DID, rkey: RKEY, cid: CID, record, indexedAt, ...more }
}

/** The row of an entry, after checking that it has exactly the columns of its type, each of the right type. */
export function rowOf(type: EventType, entry: StreamEntry): Row {
  const result = toRow(type, entry, limits)
  assert('row' in result, `rejected: ${JSON.stringify(result)}`)
  const { row } = result
  assert.deepEqual(
    Object.keys(row),
    columnsOf[type].map(column => column.name),
  )
  for (const { name, type: columnType, nullable } of columnsOf[type]) {
    const value = row[name]
    assert(
      value !== undefined && (value === null ? nullable : isOfType(value, columnType)),
      `${name}: ${value}`,
    )
  }
  return row
}

function isOfType(value: Value, type: string): boolean {
  switch (type) {
    case 'string':
      return isText(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'int32':
      return typeof value === 'number' && (value | 0) === value
    case 'timestamp':
      return typeof value === 'number' && value >= 0 && BigInt(value) < 2n ** 63n && Number.isInteger(value)
    default:
      return Array.isArray(value) && value.every(isText)
  }
}

/** A text that UTF-8 gives back as it is. */
function isText(value: unknown): boolean {
  return typeof value === 'string' && Buffer.from(value).toString() === value
}

/** A row's `extra` as a value. */
export function extraOf({ extra }: Row): unknown {
  return typeof extra === 'string' ? JSON.parse(extra) : null
}

export function rebuiltJson(type: EventType, row: Row): unknown {
  return JSON.parse(rebuildEvent(type, row).text)
}
