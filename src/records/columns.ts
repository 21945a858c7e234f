import type { EventType } from './event-type.ts'

/**
 * The Parquet type of a column. `timestamp` is TIMESTAMP(MICROS, isAdjustedToUTC = true); `list` is the
 * three-level LIST of strings.
 */
export type ColumnType = 'string' | 'timestamp' | 'int32' | 'boolean' | 'list'

export type Column = {
  readonly name: string
  readonly type: ColumnType
  /** False for the columns that hold a value in every row. */
  readonly nullable: boolean
}

/** A timestamp is a number of microseconds since 1970 UTC: exact to 2255, in whole milliseconds after. */
export type Value = string | number | boolean | readonly string[] | null

/** One event, by column name. Holds every column of its type, null where it has no value. */
export type Row = Readonly<Record<string, Value>>

/** Raised when a column is added, so that a reader of old files knows what to expect. */
export const SCHEMA_VERSION = 1

const first: readonly Column[] = [
  required('stream_id', 'string'),
  required('event_time', 'timestamp'),
  required('did', 'string'),
  required('rkey', 'string'),
  required('uri', 'string'),
  required('operation', 'string'),
  ...strings('rev', 'cid'),
  optional('created_at', 'timestamp'),
]

const last: readonly Column[] = strings('extra')

const subjectOfRecord = strings(
  'subject_uri',
  'subject_cid',
  'subject_did',
  'subject_collection',
  'via_uri',
  'via_cid',
)

/** The columns of each type, in the order in which they stand in every file. */
export const columnsOf: Readonly<Record<EventType, readonly Column[]>> = {
  posts: [
    ...first,
    optional('text', 'string'),
    optional('langs', 'list'),
    ...strings('reply_parent_uri', 'reply_parent_cid', 'reply_root_uri', 'reply_root_cid'),
    ...strings('embed_type', 'quote_uri', 'quote_cid'),
    ...strings('external_uri', 'external_title', 'external_description'),
    optional('image_count', 'int32'),
    optional('has_video', 'boolean'),
    ...['image_alts', 'link_uris', 'mention_dids', 'hashtags', 'self_labels'].map(name =>
      optional(name, 'list'),
    ),
    ...last,
  ],
  likes: [...first, ...subjectOfRecord, ...last],
  reposts: [...first, ...subjectOfRecord, ...last],
  follows: [...first, ...strings('subject_did', 'via_uri', 'via_cid'), ...last],
  blocks: [...first, ...strings('subject_did'), ...last],
}

function required(name: string, type: ColumnType): Column {
  return { name, type, nullable: false }
}

function optional(name: string, type: ColumnType): Column {
  return { name, type, nullable: true }
}

function strings(...names: string[]): Column[] {
  return names.map(name => optional(name, 'string'))
}
