import { parseScrape, type Scrape } from '../metrics/prometheus-text.ts'
import { freePort } from '../redis-server.ts'
import { openStation, type Station } from './station.ts'

/** A server or a worker, and where its pages are. */
export type Serving = {
  readonly url: string
  readonly kill: (signal: NodeJS.Signals) => void
  /** Sends SIGTERM, and tells how the process took it. */
  readonly stop: () => Promise<{ readonly code: number | null; readonly tookMs: number }>
  /** Starts it again, on the same port, once it has ended. */
  readonly again: () => Promise<Serving>
}

export async function serve(
  station: Station,
  role: 'server' | 'worker',
  env: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  return await serveOn(station, role, { ...env, port: String(await freePort()) })
}

async function serveOn(
  station: Station,
  role: 'server' | 'worker',
  { port, ...env }: { readonly port: string } & Readonly<Record<string, string>>,
): Promise<Serving> {
  const { child, ended } = await station.upWith({ ...env, PORT: port, METRICS_PORT: port }, role)
  return {
    url: `http://127.0.0.1:${port}`,
    kill: signal => child.kill(signal),
    stop: async () => {
      const askedAt = performance.now()
      child.kill('SIGTERM')
      const { code } = await ended
      return { code, tookMs: performance.now() - askedAt }
    },
    again: async () => {
      await ended
      return await serveOn(station, role, { ...env, port })
    },
  }
}

/** A station for tests that run side by side: it ends with what is done there. */
export async function atStation(
  env: Readonly<Record<string, string>>,
  work: (station: Station) => Promise<void>,
): Promise<void> {
  const station = await openStation(env)
  try {
    await work(station)
  } finally {
    await station.close()
  }
}

export type Readiness = {
  readonly status: number
  readonly ready: boolean
  /** What each check says of itself, by its name. */
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>
}

/** Longer than it may take at the worst; an answer that is not there then fails the test. */
const ANSWER_WITHIN_MS = 5_000

export async function readinessOf({ url }: Pick<Serving, 'url'>): Promise<Readiness> {
  const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
  const { ready, checks }: { ready: boolean; checks: { name: string; ok: boolean; detail: string }[] } =
    JSON.parse(await response.text())
  return { status: response.status, ready, checks: Object.fromEntries(checks.map(it => [it.name, it])) }
}

export async function scrapeOf({ url }: Pick<Serving, 'url'>): Promise<Scrape['samples']> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
  if (!response.ok) throw new Error(`/metrics answers ${response.status}: ${await response.text()}`)
  return parseScrape(await response.text()).samples
}
