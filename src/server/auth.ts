import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** A text that no log shows; `reveal` is for the one call that needs it. */
type Hidden = { readonly reveal: () => string }

export type Auth = {
  readonly login: { readonly user: string; readonly password: Hidden } | undefined
  readonly apiKey: Hidden | undefined
  /** Opens the metrics, and nothing else. */
  readonly metricsToken: Hidden | undefined
}

export type Gate = {
  /** Whether a request with this Authorization header may have a route; undefined for one that does not exist. */
  readonly admits: (route: string | undefined, authorization: string | undefined) => boolean
  /** Whether it has the login or the key. True for everyone where neither is set. */
  readonly knows: (authorization: string | undefined) => boolean
  /** What to answer to one that was not admitted: the WWW-Authenticate headers, and a sentence. */
  readonly asksOf: (route: string | undefined) => {
    readonly challenges: string[]
    readonly sentence: string
  }
}

export const METRICS_ROUTE = '/metrics'

/** Whoever supervises a process asks them, and has no password. */
const OPEN_ROUTES = ['/health/live', '/health/ready']

/**
 * Who may come in. Kept are only digests of the secrets, under a key of this process: they compare in constant
 * time whatever the lengths, and a dump of the memory does not hold them here.
 */
export function createGate({ login, apiKey, metricsToken }: Auth): Gate {
  const digest = createDigest()
  const logins = login ? [digest(`basic ${login.user}:${login.password.reveal()}`)] : []
  const keys = apiKey ? [digest(`bearer ${apiKey.reveal()}`)] : []
  const tokens = metricsToken ? [digest(`bearer ${metricsToken.reveal()}`)] : []
  const known = [...logins, ...keys]

  const has = (authorization: string | undefined, accepted: readonly Buffer[]) => {
    const offered = digest(offeredBy(authorization))
    // Each is compared, so that the time does not tell which one was nearly right.
    return accepted.filter(it => timingSafeEqual(it, offered)).length > 0
  }
  const knows = (authorization: string | undefined) => known.length === 0 || has(authorization, known)

  return {
    knows,
    admits: (route, authorization) => {
      if (route !== undefined && OPEN_ROUTES.includes(route)) return true
      if (route === METRICS_ROUTE && tokens.length > 0) return has(authorization, [...known, ...tokens])
      return knows(authorization)
    },
    asksOf: route => {
      const bearers = [
        ...(keys.length > 0 ? ['SKYDRAIN_API_KEY'] : []),
        ...(tokens.length > 0 && route === METRICS_ROUTE ? ['METRICS_TOKEN'] : []),
      ]
      const challenges = [
        ...(logins.length > 0 ? ['Basic realm="Skydrain", charset="UTF-8"'] : []),
        ...(bearers.length > 0 ? ['Bearer realm="Skydrain"'] : []),
      ]
      const ways = [
        ...(logins.length > 0 ? ['log in as SKYDRAIN_AUTH says'] : []),
        ...bearers.map(it => `send ${it} as a bearer token`),
      ]
      return { challenges, sentence: `This asks who you are: ${ways.join(', or ')}.` }
    },
  }
}

/** What an Authorization header offers, in the form in which secrets are digested; empty for none of the two schemes. */
function offeredBy(authorization = ''): string {
  const [, scheme = '', credentials = ''] = /^(basic|bearer) +([\x21-\x7e]+) *$/i.exec(authorization) ?? []
  if (scheme.toLowerCase() === 'bearer') return `bearer ${credentials}`
  if (scheme === '') return ''
  return `basic ${Buffer.from(credentials, 'base64').toString('utf8')}`
}

function createDigest(): (text: string) => Buffer {
  const key = randomBytes(32)
  return text => createHmac('sha256', key).update(text).digest()
}
