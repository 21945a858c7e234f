import { CronExpressionParser } from 'cron-parser'

/** When a deployment's runs are due: a cron expression, with a sixth field in front for seconds, in a time zone. */
export type Cron = { readonly cron: string; readonly timeZone: string }

/** The first time of a schedule behind a time, both in milliseconds since 1970. */
export function nextTime({ cron, timeZone }: Cron, after: number): number {
  return CronExpressionParser.parse(cron, { tz: timeZone, currentDate: new Date(after) })
    .next()
    .getTime()
}

/**
 * The time that comes so many times behind one, in milliseconds since 1970. What is late is told by times that
 * were missed and not by intervals: a schedule may rest all night.
 */
export function timeAfter(schedule: Cron, after: number, times: number): number {
  let time = after
  for (let passed = 0; passed < times; passed += 1) time = nextTime(schedule, time)
  return time
}
