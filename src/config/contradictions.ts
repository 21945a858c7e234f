import { CronExpressionParser } from 'cron-parser'
import { IANAZone } from 'luxon'

import { redisUrl } from './forms.ts'
import { configVariables } from './variables.ts'

/** What is wrong between variables that may each be right. */
export function contradictions(texts: Readonly<Record<string, string | undefined>>): string[] {
  const { REDIS_URL = '', REDIS_USERNAME, REDIS_PASSWORD, REDIS_TLS_CERT, REDIS_TLS_KEY } = texts
  const { QUEUE_REDIS_URL = '', SCHEDULE = '', TIMEZONE = '', HOST = '' } = texts
  const found: string[] = []
  const server = redisUrl(REDIS_URL)
  const asksForTls = [REDIS_URL, QUEUE_REDIS_URL].some(it => it.startsWith('rediss:'))
  const tls = ['REDIS_TLS_CA', 'REDIS_TLS_CERT', 'REDIS_TLS_KEY'].filter(name => texts[name] !== undefined)
  if (server?.username && REDIS_USERNAME) {
    found.push(`REDIS_USERNAME is '${REDIS_USERNAME}', and REDIS_URL names a user too; keep one`)
  }
  if (server?.password && REDIS_PASSWORD) {
    found.push(`REDIS_PASSWORD is '***', and REDIS_URL holds a password too; keep one`)
  }
  if (server !== undefined && !asksForTls && tls.length > 0) {
    const url = masked('REDIS_URL', REDIS_URL)
    found.push(`${tls.join(', ')}: set, but REDIS_URL is '${url}'; it must start with rediss:// for TLS`)
  }
  if ((REDIS_TLS_CERT === undefined) !== (REDIS_TLS_KEY === undefined)) {
    const [has, lacks] = REDIS_TLS_CERT ? ['CERT', 'KEY'] : ['KEY', 'CERT']
    found.push(`REDIS_TLS_${has} is '${texts[`REDIS_TLS_${has}`]}'; it needs REDIS_TLS_${lacks} beside it`)
  }
  const wrong = wrongCron(SCHEDULE, TIMEZONE)
  if (wrong !== undefined) {
    found.push(`SCHEDULE is '${SCHEDULE}'; it must be a cron expression such as */5 * * * * (${wrong})`)
  }
  if (!isLoopback(HOST) && !texts.SKYDRAIN_AUTH && !texts.SKYDRAIN_API_KEY) {
    found.push(
      `HOST is '${HOST}', which others can reach; set SKYDRAIN_AUTH or SKYDRAIN_API_KEY, or leave it at 127.0.0.1`,
    )
  }
  return found
}

function wrongCron(cron: string, timeZone: string): string | undefined {
  if (!IANAZone.isValidZone(timeZone)) return undefined
  try {
    CronExpressionParser.parse(cron, { tz: timeZone }).next()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** A value as an error may show it: of a secret only a server's address, where it is surely one. */
export function masked(name: string, text: string): string {
  if (!configVariables.find(it => it.name === name)?.secret) return text
  if (!name.endsWith('REDIS_URL')) return '***'
  if (/^[\w.-]+:\d{1,5}$/.test(text)) return text
  if (!URL.canParse(text) || new URL(text).host === '') return '***'
  return text.replace(/\/\/.*@/s, '//***@').replace(/[?#].*/s, '?***')
}
