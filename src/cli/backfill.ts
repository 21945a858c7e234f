import type { Command } from 'commander'
import { DateTime } from 'luxon'

import { DATA_WRITER, type DataWriterParams } from '../flows/data-writer.ts'
import { idsOfWindow } from '../flows/time-window.ts'
import { eventTypes } from '../records/event-type.ts'
import type { WatchedQueue } from '../service/queue.ts'
import { dryRun } from './backfill-dry-run.ts'
import { type BackfillOptions, type BackfillPlan, planBackfill } from './backfill-plan.ts'
import {
  backfillDocument,
  commandFor,
  failureText,
  isDone,
  numberOf,
  summaryText,
  type WindowEnd,
  windowText,
} from './backfill-report.ts'
import { type QueuedWindow, watchWindows } from './backfill-watch.ts'
import { type CliContext, UsageError } from './context.ts'
import { collected } from './run-params.ts'

type Options = BackfillOptions & {
  readonly dryRun?: boolean
  readonly wait?: boolean
  readonly json?: boolean
}

const EXIT_INTERRUPTED = 130

export function addBackfill(program: Command, context: CliContext): void {
  program
    .command('backfill')
    .summary('drain a time range, window by window')
    .description(
      'Drains the entries of a time range into Parquet, window by window, each a run of data-writer on the workers, the oldest first. A window that fails does not stop those behind it.',
    )
    .requiredOption('--from <time>', 'where the range begins')
    .option('--to <time>', 'where the range ends; now when not given')
    .option('--type <types>', `only of these types: ${eventTypes.join(',')}; may be given again`, collected)
    .option('--window <length>', 'the length of a window, such as 30s, 5m, 1h or 1d', '5m')
    .option('--dry-run', 'count what is there, and start nothing')
    .option('--wait', 'wait for the end of all windows and print what they came to')
    .option('--json', 'print the result as one JSON document')
    .addHelpText('after', help)
    .action((options: Options) => backfill(options, context))
}

const help = `
A time is ISO 8601 (in UTC where it names no zone) or relative (-2h). What counts of an entry is its id, the time
at which Redis took it, and not the time of its event: old events that were loaded today have ids of today.

A window is [from, to): an entry that came at its end belongs to the next one. Windows follow each other from the
range's start on, and the last one may be shorter. A window without entries is Completed and says so. Entries
outside of the range stay on the streams. To do a range again is safe: what is written is not written twice.

Without --wait the windows are put in the queue, where workers take them (bin/skydrain up or worker). With --wait,
Ctrl-C takes those out of it that nobody has begun and waits for the one in hand.

Exits with 1 where a window failed, with 130 where Ctrl-C cut it short.

Examples:
  skydrain backfill --from -2h --dry-run
  skydrain backfill --from 2026-11-21T22:00 --to 2026-11-22T04:00 --wait
  skydrain backfill --from 2026-11-21 --to 2026-11-22 --type posts,likes --window 1h --wait --json`

async function backfill(options: Options, context: CliContext): Promise<void> {
  if (options.dryRun && options.wait) {
    throw new UsageError('--dry-run starts nothing that could be waited for; leave --wait or --dry-run out.')
  }
  const plan = planBackfill(options, DateTime.utc())
  if (plan.remark !== undefined) context.tell(plan.remark)
  if (options.dryRun) await dryRun(plan, options, context)
  else await runWindows(plan, options, context)
}

async function runWindows(plan: BackfillPlan, options: Options, context: CliContext): Promise<void> {
  const { openQueue } = await import('../service/queue.ts')
  const { part: queue, close } = await openQueue(context.config())
  try {
    context.signal.throwIfAborted()
    const runIds = await queue.addInTurn(DATA_WRITER, plan.windows.map(paramsOf(plan)))
    const { workers } = await queue.counts()
    if (workers === 0)
      context.tell('No worker is there yet: the windows wait for one (bin/skydrain worker, or up).')
    if (options.wait) await waitForWindows(queue, queuedWindows(plan, runIds), plan, options, context)
    else reportQueued(runIds, plan, options, context)
  } finally {
    await close()
  }
}

function paramsOf({ types }: BackfillPlan) {
  return (window: BackfillPlan['windows'][number]): DataWriterParams => ({
    types,
    range: idsOfWindow(window),
  })
}

function queuedWindows({ windows }: BackfillPlan, runIds: readonly string[]): readonly QueuedWindow[] {
  return windows.map((window, at) => ({ window, runId: runIds[at] ?? '' }))
}

function reportQueued(
  runIds: readonly string[],
  { windows }: BackfillPlan,
  { json }: Options,
  context: CliContext,
): void {
  if (json) {
    context.print(`${JSON.stringify({ windows: runIds.length, run_ids: runIds })}\n`)
    return
  }
  const [first, last] = [windows[0], windows.at(-1)]
  if (first === undefined || last === undefined) return
  const range = windowText({ from: first.from, to: last.to })
  const ids = runIds.length === 1 ? `run ${runIds[0]}` : `from run ${runIds[0]} to run ${runIds.at(-1)}`
  context.print(
    `${numberOf(runIds.length, 'window')} of ${range} in the queue: ${ids}.\nbin/skydrain status shows how the streams get shorter.\n`,
  )
}

async function waitForWindows(
  queue: WatchedQueue,
  windows: readonly QueuedWindow[],
  plan: BackfillPlan,
  options: Options,
  context: CliContext,
): Promise<void> {
  const startedAt = Date.now()
  const ends = await watchWindows(queue, windows, options, context)
  const isCutShort = context.signal.aborted
  const document = backfillDocument(ends, plan, isCutShort)
  context.print(
    options.json ? `${JSON.stringify(document)}\n` : summaryText(ends, plan, Date.now() - startedAt),
  )
  if (ends.some(it => isDone(it) && it.ended.state !== 'Completed')) {
    context.tell(failureText(ends, plan))
    context.exitWith(1)
  }
  if (isCutShort) {
    tellRest(ends, plan, context)
    context.exitWith(EXIT_INTERRUPTED)
  }
}

/** How to go on after Ctrl-C. */
function tellRest(ends: readonly WindowEnd[], plan: BackfillPlan, context: CliContext): void {
  const next = ends.find(it => !isDone(it))
  const last = ends.at(-1)
  if (next === undefined || last === undefined) context.tell('All windows were done.')
  else context.tell(`To go on:\n  ${commandFor({ from: next.window.from, to: last.window.to }, plan)}`)
}
