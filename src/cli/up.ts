import type { Command } from 'commander'

import { type CliContext, UsageError } from './context.ts'
import { portOption } from './port.ts'
import { reportRun } from './run-report.ts'
import { logOf, serve, untilStopped } from './serve.ts'
import { table } from './table.ts'
import { waitWithProgress } from './wait.ts'

type UpOptions = { readonly demo?: boolean; readonly once?: boolean; readonly port?: number }

export function addUp(program: Command, context: CliContext): void {
  program
    .command('up')
    .summary('everything in one go: server, worker, and Redis where none is named')
    .description(
      'Runs a server and a worker in one process, and Redis servers of its own where REDIS_URL is not set; their data are in STATE_DIR. Ctrl-C ends everything that it started.',
    )
    .option(
      '--demo',
      'put made events on the streams, at the rate of the real network, and show what becomes of them',
    )
    .option('--once', 'drain once, print the result, and end')
    .option('--port <n>', 'the port of the server, instead of PORT or 4200', portOption)
    .addHelpText(
      'after',
      `
Other commands that are called in the same folder find the servers of this one through STATE_DIR.

Examples:
  skydrain up --demo
  skydrain up --demo --once
  REDIS_URL=redis://buffer:6379 QUEUE_REDIS_URL=redis://queue:6379 skydrain up`,
    )
    .action((options: UpOptions) => up(options, context))
}

async function up(options: UpOptions, context: CliContext): Promise<void> {
  const { env } = context
  if (options.demo && (env.REDIS_URL || env.REDIS_URL_FILE)) {
    throw new UsageError(
      '--demo puts made events on the streams, and REDIS_URL names a server that may hold real ones; leave one of them out.',
    )
  }
  const log = logOf(context)
  const { openUp } = await import('../service/up.ts')
  const { version } = context
  const port = options.port === undefined ? {} : { port: options.port }
  await serve(
    context,
    () => openUp({ env, log, version, ...port }),
    async service => {
      if (options.demo) {
        context.tell(
          'Made events are put on the streams, 220 a second. In ten seconds they are drained for the first time.',
        )
        await service.feed(context.signal)
      }
      if (options.demo || options.once) await showOneRun(service, context)
      context.print(whereText(service))
      if (!options.once) await untilStopped(context)
    },
  )
  // Whoever asked for one run has not got it.
  if (options.once && context.signal.aborted) context.exitWith(130)
}

type Up = Awaited<ReturnType<typeof import('../service/up.ts')['openUp']>>

/** One run through the queue, as the schedule's are, and what it left. */
async function showOneRun(service: Up, context: CliContext): Promise<void> {
  const runId = await service.queue.add('data-writer', {})
  reportRun(await waitWithProgress(service.queue, runId, context), {}, context)
  const { tree, sql, answer } = await service.show(context.signal)
  if (tree !== '') context.print(`\n${tree}`)
  if (answer !== undefined) {
    const rows = answer.rows.map(row => row.map(cell => (typeof cell === 'number' ? cell : String(cell))))
    context.print(`\nbin/skydrain query "${sql}"\n${table(answer.columns, rows)}`)
  }
}

function whereText({ config, serverUrl, workerUrl, nextAt }: Up): string {
  const rows = [
    ['dataset', config.dataDir],
    ['health', `${serverUrl}/health/ready`],
    ['metrics', `${serverUrl}/metrics`],
    ['', `${workerUrl}/metrics (worker)`],
    ['streams', config.redis.url],
    ['queue', config.queueRedis.url],
    [
      'schedule',
      `${config.schedule.cron} (${config.schedule.timeZone}), next at ${new Date(nextAt()).toISOString()}`,
    ],
  ]
  const width = Math.max(...rows.map(([name = '']) => name.length))
  return `\n${rows.map(([name = '', value]) => `${name.padEnd(width)}  ${value}\n`).join('')}`
}
