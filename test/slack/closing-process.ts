import { openSlack } from '../../src/slack/webhook.ts'

/** Posts a message to the webhook `closing-process.js <url>`, closes it twice, says so, and must then end by itself. */
const slack = openSlack({ url: process.argv[2] ?? '', told: () => undefined })
slack.post({ text: 'a' })
await slack.close(300)
await slack.close(60_000)
process.send?.('closed')
process.disconnect?.()
