import { resolve } from 'node:path'

import { IANAZone } from 'luxon'
import { z } from 'zod'

import { byteCount, durationMs, form, httpUrl, login, matching, pem, redisUrl, wholeNumber } from './forms.ts'

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
  QUEUE_REDIS_URL: variable(
    form('redis://[user:password@]host[:port][/database], or rediss:// for TLS', redisUrl).optional(),
    {
      meaning:
        'The Redis server of the queue, with `maxmemory-policy noeviction`; that of `REDIS_URL` when not set. Also as `QUEUE_REDIS_URL_FILE`.',
      secret: true,
    },
  ),
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
  STATE_DIR: variable(
    z.string().transform(it => resolve(it)),
    {
      default: './.skydrain',
      meaning: 'The folder of what `up` keeps: its Redis servers, and where they are.',
    },
  ),
  REDIS_POLICY: variable(z.enum(['noeviction', 'allkeys-lru'], 'noeviction or allkeys-lru'), {
    default: 'noeviction',
    meaning:
      'The `maxmemory-policy` of the buffer that `up` starts; `allkeys-lru` may evict a whole stream when it is full.',
  }),
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
  SCHEDULE: variable(matching(/^\S+( \S+){4,5}$/, 'a cron expression such as */5 * * * *'), {
    default: '*/5 * * * *',
    meaning: 'When data-writer runs: a cron expression; a sixth field in front is for seconds.',
  }),
  TIMEZONE: variable(form('a time zone such as UTC or Europe/London', timeZone), {
    default: 'UTC',
    meaning: 'The time zone of `SCHEDULE`.',
  }),
  HOST: variable(matching(/^[\w.:-]{1,253}$/, 'a host name or an address'), {
    default: '127.0.0.1',
    meaning:
      'Where the server and the workers listen. Any other than loopback needs `SKYDRAIN_AUTH` or `SKYDRAIN_API_KEY`.',
  }),
  PORT: variable(wholeNumber(0, 65_535).optional(), {
    meaning: 'The port of the server: 4200 when not set, 0 for any free one.',
  }),
  METRICS_PORT: variable(wholeNumber(0, 65_535).optional(), {
    meaning: 'The port of a worker’s metrics and health: 9465 when not set, 0 for any free one.',
  }),
  PUBLIC_URL: variable(form('an http:// or https:// URL', httpUrl).optional(), {
    meaning: 'Where people reach the server, for the links in messages.',
  }),
  SKYDRAIN_AUTH: variable(form('user:password, the password of 8 characters or more', login).optional(), {
    meaning: 'A user and a password that the server asks for. Also as `SKYDRAIN_AUTH_FILE`.',
    secret: true,
  }),
  SKYDRAIN_API_KEY: variable(
    matching(/^[\x21-\x7e]{16,}$/, 'of 16 characters or more, without spaces').optional(),
    {
      meaning: 'A bearer token that the server takes too. Also as `SKYDRAIN_API_KEY_FILE`.',
      secret: true,
    },
  ),
  METRICS_TOKEN: variable(
    matching(/^[\x21-\x7e]{16,}$/, 'of 16 characters or more, without spaces').optional(),
    {
      meaning: 'A bearer token that opens `/metrics` alone. Also as `METRICS_TOKEN_FILE`.',
      secret: true,
    },
  ),
  SLACK_WEBHOOK_URL: variable(form('an http:// or https:// URL', httpUrl).optional(), {
    meaning: 'The Slack webhook that is told of failed runs. Also as `SLACK_WEBHOOK_URL_FILE`.',
    secret: true,
  }),
  LOG_LEVEL: variable(z.enum(['debug', 'info', 'warn', 'error'], 'debug, info, warn or error'), {
    default: 'info',
    meaning: 'What `up`, `server` and `worker` log: `debug`, `info`, `warn` or `error`.',
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

function timeZone(text: string): string | undefined {
  return IANAZone.isValidZone(text) ? text : undefined
}

function variable<Schema extends z.ZodType>(
  schema: Schema,
  { meaning, default: text, secret = false }: { meaning: string; default?: string; secret?: boolean },
): Schema {
  about.add(schema, { default: text, meaning, secret })
  return schema
}
