import { afterEach, beforeEach, test } from 'vitest'

import { outliveOutage } from '../service/outage.ts'
import { openStation, type Station } from '../service/station.ts'

let station: Station

beforeEach(async () => {
  station = await openStation({ SCHEDULE: '*/3 * * * * *' })
})
afterEach(() => station?.close())

test('the queue’s Redis is gone for 10 minutes: the drain goes on, and the schedule comes back by itself', () =>
  outliveOutage(station, 600_000))
