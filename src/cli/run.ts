import type { Command } from 'commander'

import { runHere } from '../engine/run-here.ts'
import { openDataWriter } from '../service.ts'
import type { CliContext } from './context.ts'
import { UsageError } from './context.ts'
import { Progress } from './progress.ts'
import { checkFlow, collected, FLOWS, parseParams } from './run-params.ts'
import { progressLine, reportRun } from './run-report.ts'
import { waitWithProgress } from './wait.ts'

type RunOptions = {
  readonly param?: readonly string[]
  readonly wait?: boolean
  readonly local?: boolean
  readonly json?: boolean
}

const PARAM_HELP = 'types=posts,likes, from=<time> or to=<time>: a part of the streams; may be given again'

export function addRun(program: Command, context: CliContext): void {
  program
    .command('run')
    .summary('run a flow now')
    .description(
      'Runs a flow now, on the workers, or in this process with --local. data-writer moves what is on the streams into Parquet and deletes it there.',
    )
    .argument('<flow>', `one of: ${FLOWS.join(', ')}`)
    .option('--wait', 'wait for its end and print the result')
    .option('--local', 'in this process, without queue or server')
    .option('--param <key=value>', PARAM_HELP, collected)
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
A time is ISO 8601 (in UTC where it names no zone) or relative (-2h); it is the time at which Redis took an
entry, and a window is [from, to).

Without --local the run is put in the queue, where a worker takes it (bin/skydrain up or worker). --wait shows
its progress; Ctrl-C then ends the waiting, and the run goes on.

Examples:
  skydrain run data-writer --wait
  skydrain run data-writer --local
  skydrain run data-writer --local --param types=posts,likes --param from=-2h
  skydrain run data-writer --wait --json`,
    )
    .action((flow: string, options: RunOptions) => run(flow, options, context))
}

async function run(flow: string, options: RunOptions, context: CliContext): Promise<void> {
  checkFlow(flow)
  if (options.local && options.wait) {
    throw new UsageError('--local runs in this process and always waits; leave --wait out.')
  }
  const params = parseParams(options.param ?? [])
  if (options.local) await runLocal(params, options, context)
  else await runQueued(flow, params, options, context)
}

async function runLocal(
  params: ReturnType<typeof parseParams>,
  options: RunOptions,
  context: CliContext,
): Promise<void> {
  const progress = new Progress(context.showsProgress)
  const startedAt = Date.now()
  const { part: flow, close } = await openDataWriter({ config: context.config(), env: context.env })
  const tell = (message: string) => {
    progress.clear()
    context.tell(message)
  }
  try {
    const done = await runHere(flow, params, {
      log: { info: tell, warning: tell },
      signal: context.signal,
      onProgress: parts => progress.show(progressLine(parts, Date.now() - startedAt)),
    })
    progress.clear()
    reportRun(done, options, context)
  } finally {
    await close()
  }
}

async function runQueued(
  flow: string,
  params: ReturnType<typeof parseParams>,
  options: RunOptions,
  context: CliContext,
): Promise<void> {
  const { openQueue } = await import('../service/queue.ts')
  const { part: queue, close } = await openQueue(context.config())
  try {
    const runId = await queue.add(flow, params)
    const { workers } = await queue.counts()
    if (workers === 0)
      context.tell('No worker is there yet: the run waits for one (bin/skydrain worker, or up).')
    if (options.wait) {
      reportRun(await waitWithProgress(queue, runId, context), options, context)
    } else {
      const document = { run_id: runId, state: 'Scheduled' }
      context.print(options.json ? `${JSON.stringify(document)}\n` : `Run ${runId} is in the queue.\n`)
    }
  } finally {
    await close()
  }
}
