import { randomUUID } from 'node:crypto'

import type { Command } from 'commander'

import type { RejectedPort } from '../flows/rejected-port.ts'
import { replayRejected } from '../flows/replay-rejected.ts'
import { type EventType, eventTypes, isEventType } from '../records/event-type.ts'
import { parseRejectedLine } from '../records/rejected-entry.ts'
import { openRejected } from '../service.ts'
import { type CliContext, UsageError } from './context.ts'
import { grouped, printable, table } from './table.ts'

type Options = { readonly type?: string; readonly json?: boolean }

export function addRejected(program: Command, context: CliContext): void {
  const rejected = program
    .command('rejected')
    .summary('look at the entries that could not be rows, and try them again')
    .description(
      'Entries that can be no row (bad JSON, no did, another collection, …) are kept with their reason in rejected files.',
    )
    .addHelpText(
      'after',
      `
Examples:
  skydrain rejected ls
  skydrain rejected show 1795307909091-59
  skydrain rejected replay --type posts`,
    )
  withOptions(rejected.command('ls').description('Lists the rejected files.')).action((options: Options) =>
    list(options, context),
  )
  rejected
    .command('show')
    .description('Shows the entries of a rejected file, with their reasons.')
    .argument('<file>', 'its path, or a part of it that no other has')
    .option('--json', 'print the entries as a JSON array')
    .action((file: string, options: Options) => show(file, options, context))
  withOptions(
    rejected
      .command('replay')
      .description(
        'Tries the rejected entries again: those that can be rows now, by a newer version or a larger ENTRY_BYTES_MAX, move into Parquet under the stream_id that they always had.',
      ),
  ).action((options: Options) => replay(options, context))
}

function withOptions(command: Command): Command {
  return command
    .option('--type <type>', `only of one type: ${eventTypes.join(', ')}`)
    .option('--json', 'print the result as one JSON document')
}

async function list({ type, json }: Options, context: CliContext): Promise<void> {
  const types = typesOf(type)
  await withRejected(context, async rejected => {
    const files = (await Promise.all(types.map(rejected.list))).flat()
    if (json) context.print(`${JSON.stringify(files)}\n`)
    else if (files.length === 0) context.print('No entry was rejected.\n')
    else
      context.print(
        table(
          ['type', 'entries', 'bytes', 'file'],
          files.map(it => [it.type, it.entries, it.bytes, it.path]),
        ),
      )
  })
}

async function show(file: string, { json }: Options, context: CliContext): Promise<void> {
  if (file === '') throw new UsageError('The file has no name; bin/skydrain rejected ls lists them.')
  await withRejected(context, async rejected => {
    const lines = await rejected.read(file)
    if (json) context.print(`[${lines.join(',\n')}]\n`)
    else {
      const rows = lines.map(line => {
        const { entry, rejection } = parseRejectedLine(line)
        return [entry.id, rejection.reason, rejection.message, excerpt(entry.fields)]
      })
      context.print(table(['id', 'reason', 'message', 'fields'], rows))
    }
  })
}

async function replay({ type, json }: Options, context: CliContext): Promise<void> {
  const types = typesOf(type)
  const { entryBytesMax } = context.config()
  const run = randomUUID()
  await withRejected(context, async rejected => {
    const counts: Record<string, Awaited<ReturnType<typeof replayRejected>>> = {}
    for (const each of types) {
      counts[each] = await replayRejected(rejected, { type: each, run, entryBytesMax }, context.signal)
    }
    if (json) context.print(`${JSON.stringify({ run_id: run, types: counts })}\n`)
    else {
      const rows = Object.entries(counts).map(([each, it]) => [each, it.entries, it.written, it.rejected])
      context.print(table(['type', 'entries', 'written', 'rejected'], rows))
    }
  })
}

async function withRejected(
  context: CliContext,
  work: (rejected: RejectedPort) => Promise<void>,
): Promise<void> {
  const { part, close } = await openRejected(context.config(), context.tell)
  try {
    await work(part)
  } finally {
    await close()
  }
}

function typesOf(word: string | undefined): readonly EventType[] {
  if (word === undefined) return eventTypes
  if (isEventType(word)) return [word]
  throw new UsageError(`--type is '${word}'; there are ${eventTypes.join(', ')}.`)
}

const EXCERPT_LENGTH = 80

function excerpt(fields: readonly Buffer[]): string {
  const text = fields.map(field => field.subarray(0, EXCERPT_LENGTH).toString()).join(' ')
  const bytes = fields.reduce((sum, field) => sum + field.length, 0)
  return text.length <= EXCERPT_LENGTH
    ? text
    : `${printable(text.slice(0, EXCERPT_LENGTH))}… (${grouped(bytes)} bytes)`
}
