import { columnsOf } from '../records/columns.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import {
  type Database,
  type DuckDb,
  identifier,
  literalGlob,
  loadDuckDb,
  openDatabase,
  quoted,
  sqlTypeOf,
} from './duckdb.ts'
import { jsonOf } from './query-values.ts'

export type QueryResult = {
  readonly columns: string[]
  /** Values that JSON can say: no bigint that is unsafe, times as ISO 8601, lists as arrays. */
  readonly rows: unknown[][]
}

export type Query = {
  /**
   * Runs one SELECT over the views posts, likes, reposts, follows and blocks. Throws on any other statement, since
   * COPY could overwrite committed files, and when the signal is aborted, which interrupts DuckDB.
   */
  readonly run: (sql: string, signal?: AbortSignal) => Promise<QueryResult>
  readonly close: () => Promise<void>
}

/** The folders of a partition, as columns. Integers, so that `hour < 6` and pruning mean what they say. */
const partitionColumns = {
  year: 'INTEGER',
  month: 'INTEGER',
  day: 'INTEGER',
  hour: 'INTEGER',
  type: 'VARCHAR',
}

/** Opens SQL over a dataset. Only DuckDB can do that: where its binary does not load, this throws. */
export async function openQuery(
  { dataDir }: { readonly dataDir: string },
  load: () => Promise<DuckDb> = loadDuckDb,
): Promise<Query> {
  let duckdb: DuckDb
  try {
    duckdb = await load()
  } catch (cause) {
    throw new Error('SQL over the dataset needs DuckDB, whose binary cannot be loaded on this machine', {
      cause,
    })
  }
  const database = await openDatabase(duckdb, {})
  const empty = new Set<EventType>()
  try {
    for (const type of eventTypes) {
      if (!(await createView(database, dataDir, type))) empty.add(type)
    }
  } catch (error) {
    database.close()
    throw error
  }

  return {
    async run(sql, signal) {
      for (const type of empty) if (await createView(database, dataDir, type)) empty.delete(type)
      return inOneLine(async () => {
        await refuseWriting(duckdb, database, sql)
        const reader = await interruptible(database, signal, connection => connection.runAndReadAll(sql))
        const rows = reader.getRows()
        return {
          columns: reader.columnNames(),
          rows: rows.map(row => row.map(value => jsonOf(duckdb, value))),
        }
      })
    },
    close: async () => database.close(),
  }
}

async function interruptible<Result>(
  { connection }: Database,
  signal: AbortSignal | undefined,
  work: (connection: Database['connection']) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted()
  let again: NodeJS.Timeout | undefined
  // An interrupt that comes before the statement has begun is forgotten.
  const interrupt = () => {
    again = setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS)
  }
  signal?.addEventListener('abort', interrupt)
  try {
    return await work(connection)
  } finally {
    signal?.removeEventListener('abort', interrupt)
    clearInterval(again)
  }
}

const INTERRUPT_EVERY_MS = 50

async function refuseWriting(duckdb: DuckDb, { connection }: Database, sql: string): Promise<void> {
  // A text without any statement, a comment say, makes this call fail without words.
  const statements = await connection.extractStatements(`${sql}\n;SELECT 1`)
  const only = statements.count === 2 ? await statements.prepare(0) : undefined
  if (only?.statementType !== duckdb.StatementType.SELECT) {
    throw new Error('only one SELECT can be run: the dataset is written by its runs alone')
  }
}

/** A view of the type's files, or of nothing while there is none, because DuckDB refuses an empty glob. */
async function createView({ connection }: Database, dataDir: string, type: EventType): Promise<boolean> {
  const pattern = quoted(`${literalGlob(dataDir)}/year=*/**/type=${type}/*.parquet`)
  const found = await connection.runAndReadAll(`SELECT 1 FROM glob(${pattern}) LIMIT 1`)
  const hasFiles = found.currentRowCount > 0
  const source = hasFiles ? filesMatching(pattern) : nothingOf(type)
  await inOneLine(() => connection.run(`CREATE OR REPLACE VIEW ${identifier(type)} AS ${source}`))
  return hasFiles
}

/** By name, so that files from before and after a column was added stand in one view. */
function filesMatching(pattern: string): string {
  const types = Object.entries(partitionColumns).map(([name, type]) => `${name}: ${type}`)
  const names = Object.keys(partitionColumns).join(', ')
  return `SELECT * EXCLUDE (${names}), ${names} FROM read_parquet(${pattern}, union_by_name = true,
    hive_partitioning = true, hive_types = {${types.join(', ')}})`
}

function nothingOf(type: EventType): string {
  const columns = [
    ...columnsOf[type].map(column => [column.name, sqlTypeOf[column.type]] as const),
    ...Object.entries(partitionColumns),
  ]
  const nulls = columns.map(([name, sqlType]) => `NULL::${sqlType} AS ${identifier(name)}`)
  return `SELECT ${nulls.join(', ')} WHERE false`
}

const NOT_FOR_PEOPLE = 'Failed to extract statements: '

/** DuckDB adds the statement and a row of carets to its errors; the first line says what is wrong. */
async function inOneLine<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(reason.split('\n', 1)[0]?.replace(NOT_FOR_PEOPLE, ''), { cause })
  }
}
