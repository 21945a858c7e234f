import { CronExpressionParser } from 'cron-parser'

/** When a deployment's runs are due: a cron expression, with a sixth field in front for seconds, in a time zone. */
export type Cron = { readonly cron: string; readonly timeZone: string }

/** The first time of a schedule behind a time, both in milliseconds since 1970. */
export function nextTime({ cron, timeZone }: Cron, after: number): number {
  return CronExpressionParser.parse(cron, { tz: timeZone, currentDate: new Date(after) })
    .next()
    .getTime()
}

/** Milliseconds between the next two times of a schedule. */
export function intervalMs(schedule: Cron, now: number): number {
  const next = nextTime(schedule, now)
  return nextTime(schedule, next) - next
}
