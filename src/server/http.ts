import type { AddressInfo } from 'node:net'

import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'

import { toError } from '../engine/errors.ts'
import { type Auth, createGate, type Gate } from './auth.ts'
import { answerBrokenRequest } from './broken-request.ts'
import { listenError } from './listen-error.ts'
import { createOriginRule, type OriginSetting } from './origin.ts'
import { addRoutes, type RoutesSetting } from './routes.ts'
import { securityHeaders } from './security-headers.ts'

export type ServerSetting = RoutesSetting &
  OriginSetting & {
    /** 0 for any free one. */
    readonly port: number
    /** How another port is chosen, for the sentence that says it is taken: `--port or PORT`. */
    readonly portSetBy: string
    readonly auth: Auth
    /** Told of errors that nobody foresaw: the client learns only that there was one. */
    readonly onError: (error: Error) => void
  }

export type HttpServer = {
  /** The one it got, where 0 was asked for. */
  readonly port: number
  /** Where this machine reaches it, without a slash at the end. */
  readonly url: string
  /** Idle connections end at once, the others within a second. Closing twice does nothing. */
  readonly close: () => Promise<void>
}

/** A request in hand has this long to end: a scrape takes milliseconds, a hanging client for ever. */
const CLOSE_WITHIN_MS = 1_000

/** Many times what one Prometheus, some browsers and health checks hold open. */
const CONNECTIONS_MAX = 200

const limits = {
  bodyLimit: 16 * 1024,
  /** A client that sends nothing and takes nothing is cut off after once to twice this. */
  connectionTimeout: 10_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  http: {
    maxHeaderSize: 16 * 1024,
    headersTimeout: 5_000,
    // Node looks only every 30 s otherwise, and its time limits are that much longer.
    connectionsCheckingInterval: 500,
  },
} as const

/**
 * Serves the front page, health and metrics. Throws `port-in-use`, or `cannot-listen` where the address cannot
 * be had.
 */
export async function listen(setting: ServerSetting): Promise<HttpServer> {
  const app = createApp(setting)
  // By the name localhost fastify would open a second server, on ::1, which does not close with the first.
  const host = setting.host === 'localhost' ? '127.0.0.1' : setting.host
  try {
    await app.listen({ host, port: setting.port })
  } catch (error) {
    await app.close()
    throw listenError(error, setting)
  }
  app.server.on('error', setting.onError)
  const { port } = app.server.address() as AddressInfo
  return {
    port,
    url: `http://${reachableHost(host)}:${port}`,
    close: () => close(app),
  }
}

function createApp(setting: ServerSetting): FastifyInstance {
  const app = fastify({
    ...limits,
    logger: false,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply: FastifyReply) => {
      void reply.headers(securityHeaders).code(400).send({ error: error.message })
    },
  })
  app.server.maxConnections = CONNECTIONS_MAX
  const gate = createGate(setting.auth)
  addGuards(app, gate, setting)
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.replace(/\?.*/s, '').slice(0, 200)
    return reply.code(404).send({ error: `There is nothing at ${request.method} ${path}.` })
  })
  app.setErrorHandler((thrown, _request, reply) => {
    const error = toError(thrown)
    const status = 'statusCode' in error ? Number(error.statusCode) : 500
    if (status >= 400 && status < 500) return reply.code(status).send({ error: error.message })
    setting.onError(error)
    return reply.code(500).send({ error: 'The request failed here. The log says why.' })
  })
  addRoutes(app, gate, setting)
  return app
}

/** What every request passes first, also one for a page that does not exist. */
function addGuards(app: FastifyInstance, gate: Gate, setting: ServerSetting): void {
  const refusalOf = createOriginRule(setting)
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(securityHeaders)
    const refusal = refusalOf(request)
    if (refusal !== undefined) return reply.code(403).send({ error: refusal })
    const { url } = request.routeOptions
    if (gate.admits(url, request.headers.authorization)) return
    const { challenges, sentence } = gate.asksOf(url)
    return reply.code(401).header('www-authenticate', challenges).send({ error: sentence })
  })
}

/** An address that means every interface is no place to go to; its loopback is. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

async function close(app: FastifyInstance): Promise<void> {
  const cutOff = setTimeout(() => app.server.closeAllConnections(), CLOSE_WITHIN_MS)
  try {
    await app.close()
  } finally {
    clearTimeout(cutOff)
  }
}
