import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'

import { Command, CommanderError } from 'commander'

import { addBackfill } from './cli/backfill.ts'
import { type CliContext, UsageError } from './cli/context.ts'
import { addQuery, addVerify } from './cli/dataset.ts'
import { addGenerate, addLoad } from './cli/load.ts'
import { addRejected } from './cli/rejected.ts'
import { addRun } from './cli/run.ts'
import { addServer } from './cli/server.ts'
import { addSlack } from './cli/slack.ts'
import { addStatus } from './cli/status.ts'
import { addUp } from './cli/up.ts'
import { addWorker } from './cli/worker.ts'
import { ConfigError, type Env, loadEnv, readConfig } from './config.ts'
import { readRunningUp } from './embedded/state-folder.ts'
import { OperatingError, toError } from './engine/errors.ts'

const EXIT_USAGE = 64
const EXIT_BUG = 70
const EXIT_INTERRUPTED = 130

const interrupted = new AbortController()
process.exitCode = await main(process.argv)

async function main(argv: readonly string[]): Promise<number> {
  endOnSignals()
  let exitCode = 0
  try {
    let env = loadEnv(workingFolder())
    const context: CliContext = {
      get env() {
        return env
      },
      version: versionOfPackage(),
      config: () => readConfig(env),
      print: text => process.stdout.write(text),
      tell: text => process.stderr.write(`${text}\n`),
      signal: interrupted.signal,
      showsProgress: process.stderr.isTTY === true && env.TERM !== 'dumb',
      colour: (colour, text) => (process.stdout.isTTY && !env.NO_COLOR ? styleText(colour, text) : text),
      exitWith: code => {
        exitCode = code
      },
    }
    const program = createProgram(context).hook('preAction', async (_, command) => {
      if (command.name() !== 'up') env = await withRunningUp(env)
    })
    await program.parseAsync(argv)
    return exitCode
  } catch (error) {
    return exitCodeOf(toError(error))
  }
}

function createProgram(context: CliContext): Command {
  const program = new Command('skydrain')
    .description('Drains Redis Streams of Bluesky events into partitioned Parquet, exactly once.')
    .version(context.version)
    .exitOverride()
    .showHelpAfterError('(--help shows how it is used)')
    .addHelpText(
      'after',
      `
It is configured by the environment and a .env file in the working folder; README.md lists the variables.

Exit codes: 0 done · 1 the run failed or the check does not hold · 64 usage · 69 Redis unreachable ·
70 a fault of skydrain · 130 interrupted

Example:
  skydrain generate --events 10000 && skydrain run data-writer --local && skydrain verify`,
    )
  addUp(program, context)
  addServer(program, context)
  addWorker(program, context)
  addRun(program, context)
  addBackfill(program, context)
  addStatus(program, context)
  addLoad(program, context)
  addGenerate(program, context)
  addVerify(program, context)
  addQuery(program, context)
  addRejected(program, context)
  addSlack(program, context)
  return program
}

/** Where no variable names the Redis servers, those of an `up` that runs on this STATE_DIR. */
async function withRunningUp(env: Env): Promise<Env> {
  if (env.REDIS_URL || env.REDIS_URL_FILE) return env
  const up = await readRunningUp(readConfig(env).stateDir)
  if (up === undefined) return env
  const isQueueNamed = env.QUEUE_REDIS_URL || env.QUEUE_REDIS_URL_FILE
  return { ...env, REDIS_URL: up.redisUrl, ...(!isQueueNamed && { QUEUE_REDIS_URL: up.queueRedisUrl }) }
}

/** Says what went wrong, as fits who can mend it, and returns the exit code. */
function exitCodeOf(error: Error): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  if (interrupted.signal.aborted) return EXIT_INTERRUPTED
  if (error instanceof UsageError || error instanceof ConfigError || error instanceof OperatingError) {
    process.stderr.write(`skydrain: ${error.message}\n`)
    return error.exitCode
  }
  process.stderr.write(`skydrain: this is a fault of skydrain, please report it.\n${error.stack}\n`)
  return EXIT_BUG
}

/** The first signal ends the work between two batches; a second one ends the process at once. */
function endOnSignals(): void {
  // Where a terminal closes: a process under nohup, whose output is no terminal, goes on.
  const hangUp = process.stdout.isTTY || process.stderr.isTTY ? (['SIGHUP'] as const) : []
  for (const signal of ['SIGINT', 'SIGTERM', ...hangUp] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(EXIT_INTERRUPTED)
      interrupted.abort(new Error(`interrupted by ${signal}`))
    })
  }
  // Whoever reads our output may have read enough.
  process.stdout.on('error', error => {
    if ('code' in error && error.code === 'EPIPE') process.exit(0)
    process.stderr.write(`skydrain: standard output cannot be written (${error.message}).\n`)
    process.exit(1)
  })
}

function workingFolder(): string {
  try {
    return process.cwd()
  } catch {
    throw new UsageError('The working folder is gone; change to one that exists.')
  }
}

function versionOfPackage(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version }: { version?: unknown } = JSON.parse(text)
  return String(version)
}
