import type { Row } from './columns.ts'
import type { EventShape } from './event.ts'
import { collectionOf, type EventType } from './event-type.ts'
import { microsecondText, millisecondText } from './iso-time.ts'
import type { JsonObject } from './json.ts'

/**
 * The event as the columns alone tell it; `extra` is the patch from here to the event that came. A member that
 * is null or undefined counts as absent. Columns not named here are derived; a delete has no record.
 */
export function rebuiltEvent(type: EventType, row: Row, shape: EventShape): JsonObject {
  const { did, rkey, operation, rev, cid, event_time: time } = row
  const collection = collectionOf[type]
  const record = operation === 'delete' ? null : rebuiltRecord(type, row)
  if (shape === 'flat') {
    const indexedAt = typeof time === 'number' ? microsecondText(time) : null
    return { collection, repo: did, rkey, cid, record, indexedAt }
  }
  return { did, time_us: time, kind: 'commit', commit: { rev, operation, collection, rkey, record, cid } }
}

function rebuiltRecord(type: EventType, row: Row): JsonObject {
  const $type = collectionOf[type]
  const createdAt = typeof row.created_at === 'number' ? millisecondText(row.created_at) : null
  switch (type) {
    case 'posts':
      return { $type, createdAt, langs: row.langs, reply: rebuiltReply(row), text: row.text }
    case 'likes':
    case 'reposts': {
      const subject = rebuiltRef(row.subject_uri, row.subject_cid)
      return { $type, createdAt, subject, via: rebuiltRef(row.via_uri, row.via_cid) }
    }
    case 'follows':
      return { $type, createdAt, subject: row.subject_did, via: rebuiltRef(row.via_uri, row.via_cid) }
    case 'blocks':
      return { $type, createdAt, subject: row.subject_did }
  }
}

function rebuiltReply(row: Row): JsonObject | null {
  const parent = rebuiltRef(row.reply_parent_uri, row.reply_parent_cid)
  const root = rebuiltRef(row.reply_root_uri, row.reply_root_cid)
  return (parent ?? root) === null ? null : { parent, root }
}

function rebuiltRef(uri: unknown, cid: unknown): JsonObject | null {
  return (uri ?? cid ?? null) === null ? null : { cid, uri }
}
