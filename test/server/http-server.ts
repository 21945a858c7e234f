import { once } from 'node:events'
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

import { expect } from 'vitest'

import { Secret } from '../../src/config/secret.ts'
import type { Auth } from '../../src/server/auth.ts'
import { type HttpServer, listen, type ServerSetting } from '../../src/server/http.ts'

export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** What the body says as JSON; undefined where it is none. */
  readonly json: unknown
}

export type Question = {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  /** Without this header Node sends the right one; false sends none. */
  readonly host?: string | false
}

/** The password in every test: no answer and no error may hold it. */
export const CANARY = 'canary-7f3b1e-secret'

export const nobodyAsked: Auth = { login: undefined, apiKey: undefined, metricsToken: undefined }

export const login: Auth['login'] = { user: 'anna', password: new Secret(CANARY) }

const setting: ServerSetting = {
  host: '127.0.0.1',
  port: 0,
  portSetBy: '--port or PORT',
  publicUrl: undefined,
  auth: nobodyAsked,
  role: 'server',
  instance: 'test:1',
  checks: [],
  metrics: { text: async () => 'up 1\n', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
  onError: error => {
    throw error
  },
}

/** A server on a free loopback port, closed after `use`. */
export async function serving<Result>(
  changes: Partial<ServerSetting>,
  use: (server: HttpServer) => Promise<Result>,
): Promise<Result> {
  const server = await listen({ ...setting, ...changes })
  try {
    return await use(server)
  } finally {
    await server.close()
  }
}

/** Sends the path as it is, and any header: fetch lets neither through. */
export async function ask(server: HttpServer, path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, host } = question
  const asked = request(server.url, {
    path,
    method,
    agent: false,
    setHost: host === undefined,
    headers: { ...headers, ...(typeof host === 'string' && { host }) },
  })
  asked.end()
  const [response] = await once(asked, 'response')
  const body = await text(response)
  expect(body).not.toContain(CANARY)
  expect(JSON.stringify(response.headers)).not.toContain(CANARY)
  return { status: response.statusCode, headers: response.headers, body, json: jsonIn(body) }
}

export async function statusOf(server: HttpServer, path: string, question: Question = {}): Promise<number> {
  return (await ask(server, path, question)).status
}

/** A connection of which the test sends each byte itself. */
export async function connectTo({ port }: HttpServer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
