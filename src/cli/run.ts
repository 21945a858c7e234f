import type { Command } from 'commander'
import { DateTime } from 'luxon'

import { OperatingError } from '../engine/errors.ts'
import type { FlowRun } from '../engine/flow.ts'
import type { DataWriterParams, DataWriterResult } from '../flows/data-writer.ts'
import type { DrainCounts } from '../flows/drain-report.ts'
import { idsOfWindow, parseTime } from '../flows/time-window.ts'
import { type EventType, eventTypes, isEventType } from '../records/event-type.ts'
import { openDataWriter } from '../service.ts'
import { type CliContext, UsageError } from './context.ts'
import { bar, Progress } from './progress.ts'
import { grouped, table } from './table.ts'

type RunOptions = { readonly param?: readonly string[]; readonly local?: boolean; readonly json?: boolean }

const FLOWS = ['data-writer']

const PARAM_HELP = 'types=posts,likes, from=<time> or to=<time>: a part of the streams; may be given again'

export function addRun(program: Command, context: CliContext): void {
  program
    .command('run')
    .summary('run a flow now')
    .description(
      'Runs a flow now. data-writer moves what is on the streams into Parquet and deletes it there.',
    )
    .argument('<flow>', `one of: ${FLOWS.join(', ')}`)
    .option('--local', 'in this process, without queue or server')
    .option('--param <key=value>', PARAM_HELP, collected)
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
A time is ISO 8601 (in UTC where it names no zone) or relative (-2h); it is the time at which Redis took an
entry, and a window is [from, to).

Examples:
  skydrain run data-writer --local
  skydrain run data-writer --local --param types=posts,likes --param from=-2h
  skydrain run data-writer --local --json`,
    )
    .action((flow: string, options: RunOptions) => run(flow, options, context))
}

async function run(flow: string, options: RunOptions, context: CliContext): Promise<void> {
  if (!FLOWS.includes(flow)) throw new UsageError(`'${flow}' is no flow; there is ${FLOWS.join(', ')}.`)
  if (!options.local) {
    throw new UsageError(`There is no server to run '${flow}' on yet; add --local to run it in this process.`)
  }
  const params = parseParams(options.param ?? [])
  const progress = new Progress(context.showsProgress)
  const sums = new Map<EventType, DrainCounts>()
  const startedAt = Date.now()
  const { part, close } = await openDataWriter(
    { config: context.config(), env: context.env },
    (type, counts) => {
      sums.set(type, counts)
      progress.show(progressLine([...sums.values()], Date.now() - startedAt))
    },
  )
  const tell = (message: string) => {
    progress.clear()
    context.tell(message)
  }
  try {
    const done = await part.run(params, { log: { info: tell, warning: tell }, signal: context.signal })
    progress.clear()
    report(done, options, context)
  } finally {
    await close()
  }
}

function parseParams(words: readonly string[]): DataWriterParams {
  let types: readonly EventType[] = eventTypes
  const window: { from?: DateTime; to?: DateTime } = {}
  for (const word of words) {
    const [key, value = ''] = splitOnce(word)
    if (key === 'types') types = value.split(',').map(parseType)
    else if (key === 'from' || key === 'to') window[key] = timeOf(key, value)
    else throw new UsageError(`'${word}' is no parameter of data-writer; there are types=, from= and to=.`)
  }
  if (window.from !== undefined && window.to !== undefined && window.from >= window.to) {
    throw new UsageError(
      `The window is empty: from=${window.from.toISO()} is not before to=${window.to.toISO()}.`,
    )
  }
  return { types: [...new Set(types)], range: idsOfWindow(window) }
}

function collected(word: string, before: readonly string[] = []): readonly string[] {
  return [...before, word]
}

function splitOnce(word: string): [string, string?] {
  const at = word.indexOf('=')
  return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

function parseType(word: string): EventType {
  if (isEventType(word)) return word
  throw new UsageError(`'${word}' is no type; there are ${eventTypes.join(', ')}.`)
}

function timeOf(key: string, value: string): DateTime {
  const time = parseTime(value, DateTime.utc())
  if (time !== undefined) return time
  throw new UsageError(`${key}='${value}' is no time; try ${key}=2026-01-31T09:00 or ${key}=-2h.`)
}

function report(done: FlowRun<DataWriterResult>, { json }: RunOptions, context: CliContext): void {
  const { result } = done
  const types = Object.entries(result?.types ?? {})
  if (json) {
    const document = {
      run_id: done.runId,
      state: done.state,
      duration_seconds: done.durationMs / 1000,
      types: Object.fromEntries(types.map(([type, counts]) => [type, countsOf(counts)])),
      remaining: result?.remaining ?? 0,
      ...(done.error && { error: done.error.message }),
    }
    context.print(`${JSON.stringify(document)}\n`)
  } else {
    const headings = ['type', 'read', 'written', 'rejected', 'duplicates', 'deleted', 'files']
    if (types.length > 0) {
      context.print(
        table(
          headings,
          types.map(([type, counts]) => [type, ...Object.values(countsOf(counts))]),
        ),
      )
    }
    for (const [type, counts] of types) context.print(remarksOn(type, counts))
    const remaining = result?.remaining ? `, ${grouped(result.remaining)} remaining` : ''
    const state = context.colour(done.state === 'Completed' ? 'green' : 'red', done.state)
    context.print(`${state} in ${(done.durationMs / 1000).toFixed(2)} s${remaining}: run ${done.runId}\n`)
  }
  if (done.state === 'Cancelled') {
    context.exitWith(130)
  } else if (done.error !== undefined) {
    const causes = done.state === 'Failed' ? [...(result?.failed.values() ?? [])] : []
    context.tell(told(done.error, causes))
    context.exitWith(Math.max(1, ...causes.map(exitCodeOf)))
  }
}

function countsOf({ read, written, rejected, duplicates, deleted, files }: DrainCounts) {
  return { read, written, rejected, duplicates, deleted, files }
}

/** What the table has no column for, since it is 0 nearly always. */
function remarksOn(type: string, { rejectedBy, collisions }: DrainCounts): string {
  const reasons = Object.entries(rejectedBy).map(([reason, count]) => `${grouped(count)} ${reason}`)
  const rejected = reasons.length === 0 ? '' : `${type} rejected: ${reasons.join(', ')}\n`
  return collisions === 0
    ? rejected
    : `${rejected}${type} under an id that another event has: ${collisions}\n`
}

/** An error that nobody foresaw is a fault of ours: then its stack is worth showing. */
function told(error: Error, causes: readonly Error[]): string {
  const bug = causes.find(cause => !(cause instanceof OperatingError))
  return bug === undefined ? `skydrain: ${error.message}` : `skydrain: ${error.message}\n${bug.stack}`
}

/** Of several causes the gravest is told: 70, a fault of ours, before 69, Redis, before 1. */
function exitCodeOf(cause: Error): number {
  return cause instanceof OperatingError ? cause.exitCode : 70
}

function progressLine(sums: readonly DrainCounts[], elapsedMs: number): string {
  const read = sums.reduce((sum, counts) => sum + counts.read, 0)
  const length = sums.reduce((sum, counts) => sum + counts.length, 0)
  const rate = Math.round(read / Math.max(0.001, elapsedMs / 1000))
  return `${bar(read, length)}  ${grouped(read)} of ${grouped(length)} entries, ${grouped(rate)} a second`
}
