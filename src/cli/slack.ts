import type { Command } from 'commander'

import { OperatingError } from '../engine/errors.ts'
import { sendTestMessage } from '../service/slack.ts'
import { type CliContext, UsageError } from './context.ts'

export function addSlack(program: Command, context: CliContext): void {
  const slack = program
    .command('slack')
    .summary('check that Slack can be told')
    .description('Slack is told of failed runs, where SLACK_WEBHOOK_URL is set.')
    .addHelpText('after', examples)
  slack
    .command('test')
    .description('Sends one message to Slack, once, and says whether Slack took it.')
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Exits with 1 where Slack did not take it, with 64 where SLACK_WEBHOOK_URL is not set.
${examples}`,
    )
    .action((options: { json?: boolean }) => test(options, context))
}

const examples = `
Examples:
  skydrain slack test
  skydrain slack test --json`

async function test({ json }: { json?: boolean }, context: CliContext): Promise<void> {
  const { slackWebhookUrl } = context.config()
  if (slackWebhookUrl === undefined) {
    throw new UsageError(
      'SLACK_WEBHOOK_URL is not set; set it to an incoming webhook, which https://api.slack.com/apps makes.',
    )
  }
  const { result, sentence } = await sendTestMessage(slackWebhookUrl, context.signal)
  const ok = result === 'ok'
  if (json) context.print(`${JSON.stringify({ ok, ...(!ok && { error: sentence }) })}\n`)
  if (!ok) throw new OperatingError('slack-failed', sentence)
  if (!json) context.print(`${sentence}\n`)
}
