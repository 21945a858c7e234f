import type { FastifyInstance } from 'fastify'

import { type Gate, METRICS_ROUTE } from './auth.ts'
import { frontPage, type Role } from './front-page.ts'
import { limited } from './limited.ts'
import { type Check, createReadiness } from './readiness.ts'

export type Metrics = {
  readonly text: () => Promise<string>
  readonly contentType: string
}

/** Longer than its collectors may take together; Prometheus itself waits 10 s. */
const METRICS_LIMIT_MS = 5_000

export type RoutesSetting = {
  readonly role: Role
  /** The name of this process. */
  readonly instance: string
  readonly checks: readonly Check[]
  readonly metrics: Metrics
}

export function addRoutes(app: FastifyInstance, gate: Gate, setting: RoutesSetting): void {
  const { role, instance, checks, metrics } = setting
  const readiness = createReadiness(checks)
  const metricsText = limited(metrics.text, METRICS_LIMIT_MS)

  app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(frontPage(role)))

  app.get('/health/live', async () => ({ live: true, instance }))

  app.get('/health/ready', async (request, reply) => {
    const found = await readiness()
    const ready = found.every(check => check.ok)
    // The details name hosts and folders, and anyone may ask whether it is ready.
    const isKnown = gate.knows(request.headers.authorization)
    const shown = isKnown ? found : found.map(({ name, ok }) => ({ name, ok }))
    return reply.code(ready ? 200 : 503).send({ ready, checks: shown })
  })

  app.get(METRICS_ROUTE, async (_request, reply) => {
    const text = await metricsText()
    if (text !== undefined) return reply.type(metrics.contentType).send(text)
    const error = `The metrics did not answer within ${METRICS_LIMIT_MS / 1000} s.`
    return reply.code(503).send({ error })
  })
}
