import { parentPort, workerData } from 'node:worker_threads'

import { type Env, readConfig } from './config.ts'
import { type DrainParts, openDrain } from './drain-parts.ts'
import type { FromThread, ToThread } from './drain-pool.ts'
import { OperatingError, toError } from './engine/errors.ts'
import { drain } from './flows/drain.ts'
import { DrainReport } from './flows/drain-report.ts'

/** A worker thread: drains what the pool asks for, one range at a time, until it is told to stop. */
const port = parentPort
if (port === null) throw new Error('drain-thread.js is started by the drain pool')

const tell = (message: FromThread) => port.postMessage(message)
const warn = (message: string) => tell({ kind: 'warning', message, isOfThread: false })
const warnOfThread = (message: string) => tell({ kind: 'warning', message, isOfThread: true })
const { env } = workerData as { env: Env }
let parts: Promise<DrainParts> | undefined
let running = new AbortController()

port.on('message', (message: ToThread) => {
  if (message.kind === 'abort') {
    running.abort(new Error(message.reason))
  } else if (message.kind === 'drain') {
    void run(message)
  } else {
    void stop()
  }
})

async function run({ request }: ToThread & { kind: 'drain' }): Promise<void> {
  running = new AbortController()
  const report = new DrainReport(counts => tell({ kind: 'counts', counts }), request.share)
  try {
    const { tools } = await openParts()
    await drain({ ...tools, warn }, request, report, running.signal)
    tell({ kind: 'done' })
  } catch (thrown) {
    const error = toError(thrown)
    const code = error instanceof OperatingError ? error.code : undefined
    tell({ kind: 'failed', message: error.message, stack: error.stack, code })
  }
}

/** What could not be opened is tried again by the next drain: the disk may have been mended. */
async function openParts(): Promise<DrainParts> {
  parts ??= openDrain(readConfig(env), warnOfThread)
  try {
    return await parts
  } catch (error) {
    parts = undefined
    throw error
  }
}

async function stop(): Promise<void> {
  try {
    await (await parts)?.close()
  } finally {
    port?.close()
  }
}
