import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

import type { z } from 'zod'

import { contradictions, masked } from './config/contradictions.ts'
import { Secret } from './config/secret.ts'
import { configVariables, type Variable, variables } from './config/variables.ts'

export type Env = Readonly<Record<string, string | undefined>>

export type Config = ReturnType<typeof configOf>

/**
 * Reads every variable and returns a frozen Config, or throws one ConfigError that lists all mistakes.
 * A Secret does not survive the copy into a worker thread: there, call this again with the same environment.
 */
export function readConfig(env: Env): Config {
  const mistakes: string[] = []
  const texts = Object.fromEntries(configVariables.map(it => [it.name, textOf(it, env, mistakes)]))
  mistakes.push(...contradictions(texts))

  const parsed = variables.safeParse(texts)
  for (const { name } of configVariables) {
    const issue = parsed.error?.issues.find(it => it.path[0] === name)
    if (issue) mistakes.push(`${name} is '${masked(name, texts[name] ?? '')}'; it must be ${issue.message}`)
  }
  if (!parsed.success || mistakes.length > 0) throw new ConfigError(mistakes)
  return configOf(parsed.data)
}

/**
 * The environment of this process over the `.env` file of a folder, if there is one. A variable that is set here,
 * even to nothing, wins.
 */
export function loadEnv(folder: string): Env {
  const path = join(folder, '.env')
  try {
    return { ...parseEnv(readFileSync(path, 'utf8')), ...process.env }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { ...process.env }
    throw new ConfigError([`${path} cannot be read (${codeOf(error)}); it must be a text file`])
  }
}

/** The operator's mistakes, one line each. The command ends with `exitCode`. */
export class ConfigError extends Error {
  readonly code = 'CONFIG'
  readonly exitCode = 64
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(['The configuration has mistakes:', ...mistakes].join('\n  '))
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

function configOf(values: z.output<typeof variables>) {
  const redis = redisOf(values.REDIS_URL, values)
  return Object.freeze({
    redis,
    queueRedis:
      values.QUEUE_REDIS_URL === undefined
        ? redis
        : redisOf(values.QUEUE_REDIS_URL, {
            ...values,
            REDIS_USERNAME: undefined,
            REDIS_PASSWORD: undefined,
          }),
    streamPrefix: values.STREAM_PREFIX,
    consumerGroup: values.CONSUMER_GROUP,
    allowOtherGroups: values.ALLOW_OTHER_GROUPS,
    dataDir: values.DATA_DIR,
    stateDir: values.STATE_DIR,
    redisPolicy: values.REDIS_POLICY,
    parquetWriter: values.PARQUET_WRITER,
    batchSize: values.BATCH_SIZE,
    fileRowsMax: values.FILE_ROWS_MAX,
    entryBytesMax: values.ENTRY_BYTES_MAX,
    workers: values.WORKERS ?? Math.min(availableParallelism(), 64),
    runTimeoutMs: values.RUN_TIMEOUT,
    schedule: Object.freeze({ cron: values.SCHEDULE, timeZone: values.TIMEZONE }),
    host: values.HOST,
    /** Undefined where nobody chose one: the default may then be left where it is taken. */
    port: values.PORT,
    metricsPort: values.METRICS_PORT,
    publicUrl: values.PUBLIC_URL,
    auth: Object.freeze({
      login:
        values.SKYDRAIN_AUTH &&
        Object.freeze({
          user: values.SKYDRAIN_AUTH.user,
          password: new Secret(values.SKYDRAIN_AUTH.password),
        }),
      apiKey: secretOf(values.SKYDRAIN_API_KEY),
      metricsToken: secretOf(values.METRICS_TOKEN),
    }),
    slackWebhookUrl: secretOf(values.SLACK_WEBHOOK_URL),
    logLevel: values.LOG_LEVEL,
  })
}

type Values = z.output<typeof variables>

/** A server as its URL and the variables beside it name it. */
function redisOf(
  { url, username, password }: Values['REDIS_URL'],
  values: Pick<
    Values,
    'REDIS_USERNAME' | 'REDIS_PASSWORD' | 'REDIS_TLS_CA' | 'REDIS_TLS_CERT' | 'REDIS_TLS_KEY'
  >,
) {
  return Object.freeze({
    /** Without user and password. */
    url,
    username: username ?? values.REDIS_USERNAME,
    password: secretOf(password ?? values.REDIS_PASSWORD),
    /** The texts of the PEM files. Undefined where the URL asks for no TLS. */
    tls: url.startsWith('rediss:')
      ? Object.freeze({
          ca: values.REDIS_TLS_CA,
          cert: values.REDIS_TLS_CERT,
          key: secretOf(values.REDIS_TLS_KEY),
        })
      : undefined,
  })
}

function secretOf(text: string | undefined): Secret | undefined {
  return text === undefined ? undefined : new Secret(text)
}

/** A variable's text: its own, its file's or its default. An empty one counts as not set. */
function textOf(variable: Variable, env: Env, mistakes: string[]): string | undefined {
  const text = env[variable.name] || undefined
  const name = `${variable.name}_FILE`
  const path = variable.secret ? env[name] : undefined
  if (!path) return text ?? variable.default
  if (text !== undefined) {
    mistakes.push(`${variable.name} and ${name} ('${path}') are both set; keep one`)
    return text
  }
  try {
    const content = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    if (content !== '') return content
    mistakes.push(`${name} is '${path}'; the file is empty, and must hold the value of ${variable.name}`)
  } catch (error) {
    mistakes.push(`${name} is '${path}'; it must be a file that can be read (${codeOf(error)})`)
  }
  return variable.default
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
