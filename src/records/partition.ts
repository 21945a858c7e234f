import { DateTime } from 'luxon'

import type { EventType } from './event-type.ts'

const MICROSECONDS_PER_HOUR = 3_600_000_000
const HOURS_KEPT = 10_000

const folderOfHour = new Map<number, string>()

/**
 * The folder of a row: the UTC hour of its `event_time` in microseconds, then its type. Luxon formats each
 * hour once; formatting every row would cost more than writing it.
 */
export function partitionOf(type: EventType, eventTime: number): string {
  const hour = Math.floor(eventTime / MICROSECONDS_PER_HOUR)
  let folder = folderOfHour.get(hour)
  if (folder === undefined) {
    if (folderOfHour.size >= HOURS_KEPT) folderOfHour.clear()
    folder = DateTime.fromMillis(hour * 3_600_000, { zone: 'utc' }).toFormat(
      "'year='yyyy'/month='MM'/day='dd'/hour='HH",
    )
    folderOfHour.set(hour, folder)
  }
  return `${folder}/type=${type}`
}
