import type { Command } from 'commander'

import type { CliContext } from './context.ts'
import { logOf, serve, untilStopped } from './serve.ts'

const PORT = 9465

export function addWorker(program: Command, context: CliContext): void {
  program
    .command('worker')
    .summary('take runs from the queue and do them')
    .description(
      'A worker: takes runs from the queue and does them in its threads (WORKERS), until SIGTERM or Ctrl-C. Where the queue is away it drains by its own clock. Metrics and health are on METRICS_PORT.',
    )
    .addHelpText(
      'after',
      `
A first signal finishes or gives back what is in hand and ends within 10 seconds; a second one ends at once.

Examples:
  skydrain worker
  WORKERS=4 METRICS_PORT=9466 QUEUE_REDIS_URL=redis://queue:6379 REDIS_URL=redis://buffer:6379 skydrain worker`,
    )
    .action(() => work(context))
}

async function work(context: CliContext): Promise<void> {
  const config = context.config()
  const log = logOf(context)
  const { openWorker } = await import('../service/worker.ts')
  const { version, env } = context
  const port = config.metricsPort ?? PORT
  await serve(
    context,
    () => openWorker({ config, env, log, version, port }),
    async ({ http }) => {
      log.info(`A worker of ${config.workers} threads; metrics on ${http.url}/metrics`)
      await untilStopped(context)
    },
  )
}
