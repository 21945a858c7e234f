import { openRunEvents } from '../../src/streams/run-events.ts'

/** A process that tells of a run, follows the runs, closes, and must then end by itself: `event-teller.js <url>`. */
const events = openRunEvents({ url: process.argv[2] ?? '' }, { told: () => undefined })
const following = events.follow({ from: '0', take: () => undefined, signal: new AbortController().signal })
const time = new Date().toISOString()
events.emit({ runId: 'a-run', flow: 'data-writer', state: 'Running', time, worker: 'host:1' })
await events.close(500)
await following
setTimeout(() => process.exit(7), 10_000).unref()
