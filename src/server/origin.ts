import type { IncomingHttpHeaders } from 'node:http'

export type OriginSetting = {
  /** The name or address to listen on. */
  readonly host: string
  /** Where people reach it, when a proxy stands before it. */
  readonly publicUrl: string | undefined
}

/**
 * Browsers carry requests of pages that are not ours. This says why a request is refused, or undefined.
 *
 * Where only this machine can connect, a foreign page can still come in by a name of its own that it lets point to
 * 127.0.0.1 (DNS rebinding); the Host header gives it away. No browser leaves that header out, so a request without
 * it, of a plain HTTP/1.0 health check, passes.
 */
export function createOriginRule({ host, publicUrl }: OriginSetting) {
  const publicPlace = publicUrl === undefined ? undefined : new URL(publicUrl)
  const ourNames = isLoopback(host)
    ? new Set(['localhost', '127.0.0.1', '[::1]', host.toLowerCase(), publicPlace?.hostname])
    : undefined

  return ({ method, headers }: Asked): string | undefined => {
    const { host: asked, origin } = headers
    if (ourNames !== undefined && asked !== undefined && !ourNames.has(nameIn(asked))) {
      return 'The Host header names no host of this server. Ask for localhost, or set PUBLIC_URL to that host.'
    }
    const isOurs =
      origin === undefined ||
      origin === publicPlace?.origin ||
      (asked !== undefined && hostOf(origin) === asked)
    if (isOurs && !isCrossSite(method, headers)) return undefined
    return 'The request comes from a page of another origin. Ask from a page of this server, or without a browser.'
  }
}

type Asked = { readonly method: string; readonly headers: IncomingHttpHeaders }

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function nameIn(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase()
}

/** Host and port of an origin. Behind a proxy its scheme is not the one that the request came by. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/(.+)$/.exec(origin)?.[1]
}

/** A person who follows a link, from Slack or a dashboard, comes from elsewhere too: nobody there reads the answer. */
function isCrossSite(method: string, headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  const isLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  return !(isLink && (method === 'GET' || method === 'HEAD'))
}
