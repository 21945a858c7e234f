import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'

import { Command, CommanderError } from 'commander'

import { type CliContext, UsageError } from './cli/context.ts'
import { addQuery, addVerify } from './cli/dataset.ts'
import { addGenerate, addLoad } from './cli/load.ts'
import { addRejected } from './cli/rejected.ts'
import { addRun } from './cli/run.ts'
import { addStatus } from './cli/status.ts'
import { ConfigError, loadEnv, readConfig } from './config.ts'
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
    const env = loadEnv(workingFolder())
    const context: CliContext = {
      env,
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
    await createProgram(context).parseAsync(argv)
    return exitCode
  } catch (error) {
    return exitCodeOf(toError(error))
  }
}

function createProgram(context: CliContext): Command {
  const program = new Command('skydrain')
    .description('Drains Redis Streams of Bluesky events into partitioned Parquet, exactly once.')
    .version(versionOfPackage())
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
  addRun(program, context)
  addStatus(program, context)
  addLoad(program, context)
  addGenerate(program, context)
  addVerify(program, context)
  addQuery(program, context)
  addRejected(program, context)
  return program
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
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
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
