import { describe, expect, test } from 'vitest'

import { Secret } from '../../src/config/secret.ts'
import { type Auth, createGate } from '../../src/server/auth.ts'
import { ask, CANARY, login, nobodyAsked, serving, statusOf } from './http-server.ts'

const API_KEY = `${CANARY}-of-the-api`
const METRICS_TOKEN = `${CANARY}-of-metrics`
const apiKey = new Secret(API_KEY)
const metricsToken = new Secret(METRICS_TOKEN)

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const bearer = (text: string) => `Bearer ${text}`
const asAnna = basic(`anna:${CANARY}`)

const PATHS = ['/', '/metrics', '/nothing', '/health/ready/', '/HEALTH/live', '//health/live', '/health/live']

/** The statuses of all paths, for a request with this Authorization header. */
async function statusesFor(auth: Auth, authorization: string | undefined): Promise<number[]> {
  return await serving({ auth }, async server => {
    const headers = authorization === undefined ? {} : { authorization }
    return await Promise.all(PATHS.map(path => statusOf(server, path, { headers })))
  })
}

const ALL = [200, 200, 404, 404, 404, 404, 200]
const NONE = [401, 401, 401, 401, 401, 401, 200]
const ONLY_METRICS = [401, 200, 401, 401, 401, 401, 200]
const ALL_BUT_METRICS = [200, 401, 404, 404, 404, 404, 200]

describe('a request may have', () => {
  const everything: Auth = { login, apiKey, metricsToken }
  test.each([
    ['everything where nobody is asked', nobodyAsked, undefined, ALL],
    ['only whether it lives without the login', { ...nobodyAsked, login }, undefined, NONE],
    ['everything with the login', { ...nobodyAsked, login }, asAnna, ALL],
    ['nothing by the key where there is only a login', { ...nobodyAsked, login }, bearer(CANARY), NONE],
    ['only whether it lives without the key', { ...nobodyAsked, apiKey }, undefined, NONE],
    ['everything with the key', { ...nobodyAsked, apiKey }, bearer(API_KEY), ALL],
    ['everything with the login beside a key', everything, asAnna, ALL],
    ['everything with the key beside a login', everything, bearer(API_KEY), ALL],
    ['only the metrics by their token', everything, bearer(METRICS_TOKEN), ONLY_METRICS],
    [
      'all but the metrics where only these ask',
      { ...nobodyAsked, metricsToken },
      undefined,
      ALL_BUT_METRICS,
    ],
    ['the metrics too by their token', { ...nobodyAsked, metricsToken }, bearer(METRICS_TOKEN), ALL],
  ])('%s', async (_, auth, authorization, statuses) => {
    expect(await statusesFor(auth, authorization)).toEqual(statuses)
  })
})

test('nothing but the whole secret, in its scheme, is let in', async () => {
  const auth = {
    login: { user: 'anna', password: new Secret(`pass:${CANARY}`) },
    apiKey,
    metricsToken: undefined,
  }
  const right = basic(`anna:pass:${CANARY}`)
  const wrong = [
    basic(`anna:pass:${CANARY}x`),
    basic(`anna:pass:${CANARY.slice(0, -1)}`),
    basic(`Anna:pass:${CANARY}`),
    basic(`bob:pass:${CANARY}`),
    basic('anna:'),
    basic('anna'),
    basic(''),
    'Basic',
    'Basic %%%',
    right.replace('Basic', 'Bearer'),
    right.replace('Basic', 'Digest'),
    `${right} ${right}`,
    bearer(''),
    bearer(API_KEY.slice(1)),
    bearer(`${API_KEY}${API_KEY}`),
    basic(`:${API_KEY}`),
    API_KEY,
    '',
  ]
  await serving({ auth }, async server => {
    for (const authorization of wrong) {
      expect(await statusOf(server, '/', { headers: { authorization } }), authorization).toBe(401)
    }
    for (const authorization of [right, right.replace('Basic ', 'basic  '), `BEARER ${API_KEY}`]) {
      expect(await statusOf(server, '/', { headers: { authorization } }), authorization).toBe(200)
    }
  })
})

test('a password beyond ASCII is taken as UTF-8', async () => {
  const auth = { ...nobodyAsked, login: { user: 'änna', password: new Secret('Schlüßel-😀') } }
  await serving({ auth }, async server => {
    const headers = { authorization: basic('änna:Schlüßel-😀') }
    expect(await statusOf(server, '/', { headers })).toBe(200)
  })
})

test('who is refused is told how to be let in, by the names of the settings', async () => {
  const auth = { login, apiKey, metricsToken }
  await serving({ auth }, async server => {
    const page = await ask(server, '/')
    expect(page.headers['www-authenticate']).toBe(
      'Basic realm="Skydrain", charset="UTF-8", Bearer realm="Skydrain"',
    )
    expect(page.json).toEqual({
      error:
        'This asks who you are: log in as SKYDRAIN_AUTH says, or send SKYDRAIN_API_KEY as a bearer token.',
    })
    expect(page.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  })
  await serving({ auth: { ...nobodyAsked, metricsToken } }, async server => {
    const { headers, json } = await ask(server, '/metrics')
    expect(headers['www-authenticate']).toBe('Bearer realm="Skydrain"')
    expect(json).toEqual({ error: 'This asks who you are: send METRICS_TOKEN as a bearer token.' })
  })
})

test('anyone is told which checks fail, and only who is known why', async () => {
  const checks = [{ name: 'buffer', run: async () => ({ ok: false, detail: 'redis://10.0.0.7 is away' }) }]
  const told = async (auth: Auth, authorization?: string) =>
    await serving({ auth, checks }, async server => {
      const headers = authorization === undefined ? {} : { authorization }
      return (await ask(server, '/health/ready', { headers })).json
    })
  const short = { ready: false, checks: [{ name: 'buffer', ok: false }] }
  const long = { ready: false, checks: [{ name: 'buffer', ok: false, detail: 'redis://10.0.0.7 is away' }] }
  const auth = { login, apiKey: undefined, metricsToken }
  expect(await told(auth)).toEqual(short)
  expect(await told(auth, bearer(METRICS_TOKEN))).toEqual(short)
  expect(await told(auth, asAnna)).toEqual(long)
  expect(await told({ ...nobodyAsked, metricsToken })).toEqual(long)
})

test('what keeps the secrets shows none of them', () => {
  const gate = createGate({ login, apiKey, metricsToken })
  expect(JSON.stringify([gate, gate.asksOf('/metrics'), login])).not.toContain(CANARY)
})
