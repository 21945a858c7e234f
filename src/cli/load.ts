import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'

import { addAbortSignal } from 'node:stream'

import type { Command } from 'commander'

import {
  type EventSink,
  type LoadProgress,
  loadGenerated,
  loadLines,
  splitLines,
} from '../flows/load-events.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { generateEvents } from '../records/generator.ts'
import { openStreams } from '../service.ts'
import { type CliContext, UsageError } from './context.ts'
import { Progress } from './progress.ts'
import { grouped, table } from './table.ts'

export function addLoad(program: Command, context: CliContext): void {
  program
    .command('load')
    .summary('put the events of NDJSON files on the streams')
    .description(
      'Puts events on the streams: one JSON event a line, as Jetstream sends it or in the flat form. Lines of other collections are skipped. The entries get ids of now.',
    )
    .argument('<file...>', 'NDJSON files; - reads standard input')
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  skydrain load events.ndjson
  zcat 2026-11-21.ndjson.gz | skydrain load -`,
    )
    .action((files: readonly string[], options: { json?: boolean }) => load(files, options, context))
}

export function addGenerate(program: Command, context: CliContext): void {
  program
    .command('generate')
    .summary('put made events on the streams')
    .description('Puts made events on the streams, in the mix, sizes and oddities of the real network.')
    .requiredOption('--events <n>', 'how many', wholeNumber('--events', 1_000_000_000))
    .option(
      '--rate <n>',
      'so many a second; as fast as Redis takes them when not given',
      wholeNumber('--rate', 1_000_000),
    )
    .option('--seed <n>', 'the same seed makes the same events', wholeNumber('--seed', 2 ** 32 - 1), 1)
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  skydrain generate --events 100000
  skydrain generate --events 66000 --rate 220 --seed 7`,
    )
    .action((options: GenerateOptions) => generate(options, context))
}

type GenerateOptions = {
  readonly events: number
  readonly rate?: number
  readonly seed: number
  readonly json?: boolean
}

async function load(
  files: readonly string[],
  { json }: { json?: boolean },
  context: CliContext,
): Promise<void> {
  for (const file of files) {
    if (file !== '-') await checkReadable(file)
  }
  await withSink(context, json, async (sink, told) => {
    let skipped = 0
    for (const file of files) {
      // Ctrl-C must also end a wait for standard input.
      const chunks = addAbortSignal(context.signal, file === '-' ? process.stdin : createReadStream(file))
      const before = skipped
      const done = await loadLines(
        splitLines(chunks),
        sink,
        progress => told({ ...progress, skipped: before + progress.skipped }),
        context.signal,
      )
      skipped += done.skipped
    }
    return skipped
  })
}

async function generate({ events, rate, seed, json }: GenerateOptions, context: CliContext): Promise<void> {
  await withSink(context, json, async (sink, told) => {
    const startTimeUs = Date.now() * 1000
    const made = generateEvents({ seed, startTimeUs, ratePerSecond: rate ?? 1_000 })
    await loadGenerated(made, { count: events, ratePerSecond: rate }, sink, told, context.signal)
    return 0
  })
}

/** Opens the streams, shows progress, prints what was loaded; also when Ctrl-C cuts it short. */
async function withSink(
  context: CliContext,
  json: boolean | undefined,
  work: (sink: EventSink, told: (progress: LoadProgress) => void) => Promise<number>,
): Promise<void> {
  const sink = await openStreams(context.config())
  const progress = new Progress(context.showsProgress)
  const startedAt = Date.now()
  let skipped = 0
  try {
    skipped = await work(sink, told => {
      skipped = told.skipped
      const rate = Math.round(told.loaded / Math.max(0.001, (Date.now() - startedAt) / 1000))
      progress.show(`${grouped(told.loaded)} loaded, ${grouped(skipped)} skipped, ${grouped(rate)} a second`)
    })
    progress.clear()
    printLoaded(sink.added(), skipped, json, context)
  } catch (error) {
    progress.clear()
    // What Redis refused says itself how much was loaded before.
    if (context.signal.aborted) printLoaded(sink.added(), skipped, json, context)
    throw error
  } finally {
    progress.clear()
    await sink.close()
  }
}

function printLoaded(
  loaded: Readonly<Record<EventType, number>>,
  skipped: number,
  json: boolean | undefined,
  context: CliContext,
): void {
  if (json) {
    context.print(`${JSON.stringify({ loaded, skipped })}\n`)
    return
  }
  const rows = eventTypes.map(type => [type, loaded[type]])
  context.print(table(['type', 'loaded'], rows))
  if (skipped > 0) context.print(`skipped, as no event of these five types: ${grouped(skipped)}\n`)
}

/** Before anything is loaded, so that a mistake in the last name does not leave half of the events loaded. */
async function checkReadable(file: string): Promise<void> {
  const isFile = await stat(file).then(
    it => !it.isDirectory(),
    () => false,
  )
  if (!isFile)
    throw new UsageError(`'${file}' is no file; give the path of an NDJSON file, or - for standard input.`)
  await access(file, constants.R_OK).catch(() => {
    throw new UsageError(`'${file}' may not be read by this user.`)
  })
}

function wholeNumber(name: string, max: number): (text: string) => number {
  return text => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= 1 && number <= max) return number
    throw new UsageError(`${name} is '${text}'; it must be a whole number from 1 to ${max}.`)
  }
}
