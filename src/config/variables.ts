import { resolve } from 'node:path'

import { z } from 'zod'

import { byteCount, durationMs, form, matching, pem, redisUrl, wholeNumber } from './forms.ts'

export type Variable = {
  readonly name: string
  /** Undefined where nothing is the default. */
  readonly default: string | undefined
  readonly meaning: string
  /** Never shown; may also be given as NAME_FILE, the path of a file that holds it. */
  readonly secret: boolean
}

const about = z.registry<Omit<Variable, 'name'>>()

/** Parses the texts of all variables, by name. */
export const variables = z.object({
  REDIS_URL: variable(
    form('redis://[user:password@]host[:port][/database], or rediss:// for TLS', redisUrl),
    {
      default: 'redis://127.0.0.1:6379',
      meaning: 'The Redis server of the streams; `rediss://` for TLS. Also as `REDIS_URL_FILE`.',
      secret: true,
    },
  ),
  REDIS_USERNAME: variable(z.string().optional(), {
    meaning: 'The Redis user, unless the URL names it.',
  }),
  REDIS_PASSWORD: variable(z.string().optional(), {
    meaning: 'The Redis password, unless the URL holds it. Also as `REDIS_PASSWORD_FILE`.',
    secret: true,
  }),
  REDIS_TLS_CA: variable(pem().optional(), {
    meaning: 'A PEM file: the authority that signed the server’s certificate.',
  }),
  REDIS_TLS_CERT: variable(pem().optional(), {
    meaning: 'A PEM file: the client’s certificate, where the server asks for one.',
  }),
  REDIS_TLS_KEY: variable(pem().optional(), {
    meaning: 'A PEM file: the key of the client’s certificate.',
  }),
  STREAM_PREFIX: variable(
    matching(
      /^(?!\.)[A-Za-z0-9_.:{}-]{1,64}$/,
      '1 to 64 of A-Z a-z 0-9 _ . : { } -, not starting with a dot',
    ),
    { default: 'bluesky_', meaning: 'The start of the names of the five streams, as in `bluesky_posts`.' },
  ),
  CONSUMER_GROUP: variable(matching(/^[A-Za-z0-9_.:-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 _ . : -'), {
    default: 'skydrain',
    meaning: 'The consumer group that shows the lag and the workers on each stream.',
  }),
  ALLOW_OTHER_GROUPS: variable(
    z.enum(['true', 'false'], 'true or false').transform(it => it === 'true'),
    {
      default: 'false',
      meaning:
        '`true` drains a stream that another group or another dataset uses, and takes its entries away.',
    },
  ),
  DATA_DIR: variable(
    z.string().transform(it => resolve(it)),
    { default: './data', meaning: 'The folder of the dataset.' },
  ),
  PARQUET_WRITER: variable(z.enum(['duckdb', 'parquetjs'], 'duckdb or parquetjs'), {
    default: 'duckdb',
    meaning: '`duckdb`, or `parquetjs`: pure JavaScript, slower.',
  }),
  BATCH_SIZE: variable(wholeNumber(10, 20_000), {
    default: '2000',
    meaning: 'Entries in one read, 10 to 20000.',
  }),
  FILE_ROWS_MAX: variable(wholeNumber(100, 5_000_000), {
    default: '200000',
    meaning: 'Rows staged before a commit, 100 to 5000000.',
  }),
  ENTRY_BYTES_MAX: variable(form('a number of bytes or of KiB or MiB, 1KiB to 512MiB', byteCount), {
    default: '16777216',
    meaning: 'A larger entry is rejected: bytes, or as `16MiB`; 1KiB to 512MiB.',
  }),
  WORKERS: variable(wholeNumber(1, 64).optional(), {
    meaning: 'Threads that drain, 1 to 64; the number of cores when not set.',
  }),
  RUN_TIMEOUT: variable(form('a duration such as 90s, 4m or 1h, from 10s to 24h', durationMs), {
    default: '4m',
    meaning: 'The time limit of a run: `90s`, `4m`, `1h`; 10s to 24h.',
  }),
})

/** The table of all variables, in the order in which documents list them. */
export const configVariables: readonly Variable[] = Object.entries(variables.shape).map(([name, schema]) => ({
  name,
  default: undefined,
  meaning: '',
  secret: false,
  ...about.get(schema),
}))

function variable<Schema extends z.ZodType>(
  schema: Schema,
  { meaning, default: text, secret = false }: { meaning: string; default?: string; secret?: boolean },
): Schema {
  about.add(schema, { default: text, meaning, secret })
  return schema
}
