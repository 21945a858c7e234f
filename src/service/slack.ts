import { hostname } from 'node:os'

import type { Secret } from '../config/secret.ts'
import type { SlackOutcome } from '../slack/attempt.ts'
import { testMessage } from '../slack/message.ts'
import { openSlack } from '../slack/webhook.ts'

/** Sends one message to Slack, once, and says how it fared. Ends early when the signal is aborted. */
export async function sendTestMessage(webhookUrl: Secret, signal: AbortSignal): Promise<SlackOutcome> {
  const slack = openSlack({ url: webhookUrl.reveal(), told: () => undefined })
  const end = () => slack.close(0)
  signal.addEventListener('abort', end)
  try {
    return await slack.send(testMessage(hostname()))
  } finally {
    signal.removeEventListener('abort', end)
  }
}
