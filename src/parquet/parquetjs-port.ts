import type { ParquetPort } from '../flows/parquet-port.ts'
import { readFooter, readIds, readRows } from './hyparquet-reader.ts'
import { openParquetjsWriter } from './parquetjs-writer.ts'

/** parquetjs-lite writes; hyparquet reads, because parquetjs-lite knows neither zstd nor real lists. */
export function parquetjsPort(rowGroupRows: number): ParquetPort {
  return {
    writer: 'parquetjs',
    openWriter: async options => openParquetjsWriter({ ...options, rowGroupRows }),
    readFooter,
    readIds,
    readRows,
    close: async () => {},
  }
}
