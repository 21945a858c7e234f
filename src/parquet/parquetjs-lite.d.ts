/** The calls of parquetjs-lite 0.8.7 that we use. It has no types of its own, and throws plain strings. */
declare module 'parquetjs-lite' {
  /** A column's values and levels, as its shredder collects them row by row and we fill them column-wise. */
  export type ColumnData = {
    dlevels: number[]
    rlevels: number[]
    values: unknown[]
    distinct_values: Set<unknown>
    count: number
  }

  /** `columnData` and `pages` are keyed by a column's path, its names joined with commas. */
  export type RowBuffer = {
    rowCount: number
    pageRowCount: number
    columnData: Record<string, ColumnData>
    pages: Record<string, unknown[]>
  }

  export type SchemaField = {
    readonly type?: 'BYTE_ARRAY' | 'INT64' | 'INT32' | 'BOOLEAN'
    readonly optional?: true
    readonly repeated?: true
    readonly statistics?: false
    readonly compression?: 'GZIP'
    readonly fields?: Readonly<Record<string, SchemaField>>
  }

  export type RowGroup = {
    readonly columns: readonly { readonly meta_data: { statistics: unknown } }[]
  }

  class ParquetSchema {
    constructor(fields: Readonly<Record<string, SchemaField>>)
  }

  class ParquetEnvelopeWriter {
    constructor(
      schema: ParquetSchema,
      write: (bytes: Buffer) => void,
      close: () => void,
      offset: number,
      options: { useDataPageV2: boolean; pageIndex: boolean },
    )
    readonly rowCount: number
    readonly rowGroups: RowGroup[]
    readonly useDataPageV2: boolean
    writeHeader(): void
    writeSection(bytes: Buffer): void
    writeRowGroup(rows: RowBuffer): void
  }

  class ParquetWriter {
    constructor(schema: ParquetSchema, envelope: Envelope, options: object)
    rowBuffer: RowBuffer
    close(): Promise<void>
  }

  /** What a ParquetWriter calls of its envelope. */
  export type Envelope = {
    readonly useDataPageV2: boolean
    writeHeader(): void
    writeRowGroup(rows: RowBuffer): void
    writeIndex(): void
    writeFooter(): void
    close(): void
  }

  const parquetjs: {
    readonly ParquetSchema: typeof ParquetSchema
    readonly ParquetEnvelopeWriter: typeof ParquetEnvelopeWriter
    readonly ParquetWriter: typeof ParquetWriter
  }

  export type { ParquetEnvelopeWriter, ParquetSchema }
  export default parquetjs
}

/** The classes that Thrift generated from parquet.thrift: plain fields, by the specification's names. */
declare module 'parquetjs-lite/gen-nodejs/parquet_types.js' {
  type Struct = { readonly write: (protocol: unknown) => void }
  type StructClass = new (fields?: Readonly<Record<string, unknown>>) => Struct
  const thrift: Readonly<
    Record<
      | 'FileMetaData'
      | 'SchemaElement'
      | 'KeyValue'
      | 'LogicalType'
      | 'TimestampType'
      | 'TimeUnit'
      | 'MicroSeconds',
      StructClass
    >
  > & {
    readonly Type: Readonly<Record<'BYTE_ARRAY' | 'INT64' | 'INT32' | 'BOOLEAN', number>>
    readonly ConvertedType: Readonly<Record<'UTF8' | 'LIST' | 'TIMESTAMP_MICROS' | 'INT_32', number>>
    readonly FieldRepetitionType: Readonly<Record<'REQUIRED' | 'OPTIONAL' | 'REPEATED', number>>
  }

  export type { Struct }
  export default thrift
}

declare module 'parquetjs-lite/lib/util.js' {
  import type { Struct } from 'parquetjs-lite/gen-nodejs/parquet_types.js'

  const util: { readonly serializeThrift: (struct: Struct) => Buffer }
  export default util
}
