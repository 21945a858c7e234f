import type { Command } from 'commander'

import type { CliContext } from './context.ts'
import { portOption } from './port.ts'
import { logOf, serve, untilStopped } from './serve.ts'

const PORT = 4200

export function addServer(program: Command, context: CliContext): void {
  program
    .command('server')
    .summary('keep the schedule; metrics, health and Slack')
    .description(
      'The server: keeps the schedule in the queue, follows the runs, and tells of them by metrics, health and Slack, until SIGTERM or Ctrl-C. The work is done by workers.',
    )
    .option('--port <n>', `the port it listens on, instead of PORT or ${PORT}`, portOption)
    .addHelpText(
      'after',
      `
It listens on 127.0.0.1; HOST says otherwise, and then needs SKYDRAIN_AUTH or SKYDRAIN_API_KEY.

Examples:
  skydrain server
  skydrain server --port 8080
  curl http://127.0.0.1:4200/health/ready`,
    )
    .action((options: { port?: number }) => startServer(options, context))
}

async function startServer(options: { port?: number }, context: CliContext): Promise<void> {
  const config = context.config()
  const log = logOf(context)
  const { openServer } = await import('../service/server.ts')
  const { version } = context
  const port = options.port ?? config.port ?? PORT
  const open = () => openServer({ config, log, version, port, portSetBy: '--port or PORT' })
  await serve(context, open, async ({ http }) => {
    log.info(`The server is on ${http.url}: /metrics, /health/ready, /health/live`)
    await untilStopped(context)
  })
}
