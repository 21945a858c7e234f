import { randomUUID } from 'node:crypto'

import type { Config } from '../config.ts'
import { nodeDisk } from '../dataset/disk.ts'
import { type HttpServer, listen } from '../server/http.ts'

export type WorkerHttpTools = {
  readonly config: Config
  readonly port: number
  /** Asks the buffer's Redis for something; throws where it does not answer. */
  readonly askBuffer: () => Promise<unknown>
  readonly metrics: Parameters<typeof listen>[0]['metrics']
  readonly onError: (error: Error) => void
}

/** A worker's metrics and health. It is ready when it could drain: its streams and its DATA_DIR are there. */
export async function listenAsWorker(tools: WorkerHttpTools): Promise<HttpServer> {
  const { config, port, askBuffer, metrics, onError } = tools
  const streams = async () => {
    await askBuffer()
    return { ok: true, detail: 'their Redis answers' }
  }
  const dataset = async () => {
    await nodeDisk.checkWritable(config.dataDir)
    return { ok: true, detail: 'DATA_DIR can be written' }
  }
  return await listen({
    host: config.host,
    port,
    portSetBy: 'METRICS_PORT',
    publicUrl: config.publicUrl,
    auth: config.auth,
    role: 'worker',
    instance: randomUUID(),
    checks: [
      { name: 'streams', run: streams },
      { name: 'dataset', run: dataset },
    ],
    metrics,
    onError,
  })
}
