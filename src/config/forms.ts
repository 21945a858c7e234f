import { readFileSync } from 'node:fs'

import { z } from 'zod'

/** A text of a form that `parse` knows; `right` says which, after "it must be". */
export function form<Value>(right: string, parse: (text: string) => Value | undefined) {
  return z.string().transform((text, { issues }) => {
    const value = parse(text)
    if (value !== undefined) return value
    issues.push({ code: 'custom', message: right, input: text })
    return z.NEVER
  })
}

export function matching(pattern: RegExp, right: string) {
  return z.string().regex(pattern, right)
}

export function wholeNumber(min: number, max: number) {
  const right = `a whole number from ${min} to ${max}`
  return form(right, text => (/^\d{1,9}$/.test(text) ? within(Number(text), min, max) : undefined))
}

export function byteCount(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,12}) ?(KiB|MiB)?$/.exec(text) ?? []
  return within(
    Number(count) * (unit === 'KiB' ? 1024 : unit === 'MiB' ? 1024 ** 2 : 1),
    1024,
    512 * 1024 ** 2,
  )
}

export function durationMs(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? []
  return within(Number(count) * (unit === 'h' ? 3_600_000 : unit === 'm' ? 60_000 : 1000), 10_000, 86_400_000)
}

/** The number, or undefined where it is outside or no number. */
function within(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined
}

export function pem() {
  return form('the path of a PEM file that can be read', path => {
    try {
      const text = readFileSync(path, 'utf8')
      return text.includes('-----BEGIN ') ? text : undefined
    } catch {
      return undefined
    }
  })
}

/** An http or https URL without a fragment, as it was given. */
export function httpUrl(text: string): string | undefined {
  return /^https?:\/\/[^#\s]+$/.test(text) && URL.canParse(text) ? text : undefined
}

export function login(text: string): { readonly user: string; readonly password: string } | undefined {
  const [, user, password] = /^([^:]{1,64}):(.{8,256})$/.exec(text) ?? []
  return user === undefined || password === undefined ? undefined : { user, password }
}

/** A server's URL, its user and password cut off and decoded. A query could hold a password, so it is refused. */
export function redisUrl(text: string) {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.hostname === '' || !/^(\/\d{0,5})?$/.test(url.pathname) || /[?#]/.test(text)) return undefined
  try {
    const username = decodeURIComponent(url.username) || undefined
    const password = decodeURIComponent(url.password) || undefined
    url.username = ''
    url.password = ''
    return { url: url.href, username, password }
  } catch {
    return undefined
  }
}
