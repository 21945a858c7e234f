import type { Value } from './columns.ts'
import { isObject, type JsonObject, stringOf } from './json.ts'

/** The columns of likes and reposts: a reference to a record, and the repost it was found through. */
export function recordSubjectColumns(record: JsonObject | undefined): Readonly<Record<string, Value>> {
  const subject = refOf(record?.subject)
  const parts = subject.uri === null ? null : RECORD_URI.exec(subject.uri)
  return {
    subject_uri: subject.uri,
    subject_cid: subject.cid,
    subject_did: parts?.[1] ?? null,
    subject_collection: parts?.[2] ?? null,
    ...viaColumns(record),
  }
}

/** The columns of follows. */
export function followColumns(record: JsonObject | undefined): Readonly<Record<string, Value>> {
  return { ...accountSubjectColumns(record), ...viaColumns(record) }
}

/** The columns of blocks: the account that is blocked. Follows have them too. */
export function accountSubjectColumns(record: JsonObject | undefined): Readonly<Record<string, Value>> {
  return { subject_did: stringOf(record?.subject) }
}

/** `at://did/collection/rkey` with a DID and not a handle, and nothing after the record key. */
const RECORD_URI = /^at:\/\/(did:[a-z]+:[\w.:%-]+)\/([A-Za-z][\w.-]*)\/[^/?#\s]+$/

function viaColumns(record: JsonObject | undefined): Readonly<Record<string, Value>> {
  const via = refOf(record?.via)
  return { via_uri: via.uri, via_cid: via.cid }
}

function refOf(value: unknown): { uri: string | null; cid: string | null } {
  return isObject(value) ? { uri: stringOf(value.uri), cid: stringOf(value.cid) } : { uri: null, cid: null }
}
