import type { ParquetEnvelopeWriter } from 'parquetjs-lite'
import thrift, { type Struct } from 'parquetjs-lite/gen-nodejs/parquet_types.js'
import util from 'parquetjs-lite/lib/util.js'

import type { Column } from '../records/columns.ts'

const MAGIC = 'PAR1'

/**
 * The end of the file: its metadata, their length, the magic word. parquetjs-lite's own footer knows no
 * logical types, and a timestamp with the old converted type alone is taken for a local time by DuckDB.
 */
export function footerOf(
  columns: readonly Column[],
  { rowCount, rowGroups }: ParquetEnvelopeWriter,
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const encoded = util.serializeThrift(
    new thrift.FileMetaData({
      version: 1,
      created_by: 'parquetjs-lite version 0.8.7 (build skydrain)',
      num_rows: rowCount,
      row_groups: rowGroups,
      schema: [rootOf(columns), ...columns.flatMap(elementsOf)],
      key_value_metadata: Object.entries(metadata).map(([key, value]) => new thrift.KeyValue({ key, value })),
    }),
  )
  const length = Buffer.alloc(4)
  length.writeUInt32LE(encoded.length)
  return Buffer.concat([encoded, length, Buffer.from(MAGIC)])
}

function rootOf(columns: readonly Column[]): Struct {
  const { REQUIRED } = thrift.FieldRepetitionType
  return new thrift.SchemaElement({ name: 'schema', repetition_type: REQUIRED, num_children: columns.length })
}

/** Just what DuckDB writes: a logical type where the converted one says too little, and only there. */
function elementsOf({ name, type }: Column): Struct[] {
  switch (type) {
    case 'string':
      return [leaf(name, 'BYTE_ARRAY', { converted_type: thrift.ConvertedType.UTF8 })]
    case 'timestamp':
      return [
        leaf(name, 'INT64', {
          converted_type: thrift.ConvertedType.TIMESTAMP_MICROS,
          logicalType: microsecondsUtc(),
        }),
      ]
    case 'int32':
      return [leaf(name, 'INT32', { converted_type: thrift.ConvertedType.INT_32 })]
    case 'boolean':
      return [leaf(name, 'BOOLEAN', {})]
    case 'list':
      return listElements(name)
  }
}

function leaf(
  name: string,
  type: keyof typeof thrift.Type,
  meaning: Readonly<Record<string, unknown>>,
): Struct {
  const { OPTIONAL } = thrift.FieldRepetitionType
  return new thrift.SchemaElement({ name, type: thrift.Type[type], repetition_type: OPTIONAL, ...meaning })
}

function listElements(name: string): Struct[] {
  const { OPTIONAL, REPEATED } = thrift.FieldRepetitionType
  const { LIST, UTF8 } = thrift.ConvertedType
  return [
    new thrift.SchemaElement({ name, repetition_type: OPTIONAL, num_children: 1, converted_type: LIST }),
    new thrift.SchemaElement({ name: 'list', repetition_type: REPEATED, num_children: 1 }),
    leaf('element', 'BYTE_ARRAY', { converted_type: UTF8 }),
  ]
}

function microsecondsUtc(): Struct {
  const unit = new thrift.TimeUnit({ MICROS: new thrift.MicroSeconds() })
  return new thrift.LogicalType({ TIMESTAMP: new thrift.TimestampType({ isAdjustedToUTC: true, unit }) })
}
