import { Queue } from 'bullmq'

import { type Cron, nextTime } from '../engine/cron.ts'
import type { RunLogger } from '../engine/flow.ts'
import { closeWithin } from './close-within.ts'
import { deploymentOf, QUEUE, type QueueAddress, queueOptions, TICK } from './queue-names.ts'
import { QuietErrors } from './quiet-errors.ts'

export type ScheduleOptions = {
  readonly address: QueueAddress
  readonly flow: string
  readonly schedule: Cron
  readonly log: RunLogger
}

export type Schedule = { readonly close: () => Promise<void> }

/** How often the schedule in Redis is looked at. */
const LOOK_MS = 5_000

const CLOSE_LIMIT_MS = 1_000

/** A tick that is so late was not begun by anybody, or the scheduler has lost it. */
const LOST_AFTER_MS = 30_000

/**
 * Keeps the schedule of a deployment in the queue's Redis: a BullMQ job scheduler that puts a tick in the queue
 * at each of its times. Workers promote the ticks, so that runs go on while this process is away. It is put back
 * where it is missing (a fresh or emptied Redis), another one, or stands still.
 */
export function keepSchedule({ address, flow, schedule, log }: ScheduleOptions): Schedule {
  const queue = new Queue(QUEUE, queueOptions(address, 'asks'))
  const errors = new QuietErrors(log)
  queue.on('error', error => errors.tell(error))
  const id = deploymentOf(flow)
  let isLooking = false
  const look = () => {
    if (isLooking) return
    isLooking = true
    keep()
      .catch(error => errors.tell(error))
      .finally(() => {
        isLooking = false
      })
  }

  async function keep(): Promise<void> {
    const found = await queue.getJobScheduler(id)
    const isSame = found?.pattern === schedule.cron && found.tz === schedule.timeZone
    const now = Date.now()
    const next = found?.next ?? 0
    // A server whose clock was ahead for a moment may have set the next time far away.
    const isTooFar = next > nextTime(schedule, now) + LOST_AFTER_MS
    const isLost = next < now - LOST_AFTER_MS && !(await hasTick())
    if (isSame && !isTooFar && !isLost) return
    await queue.upsertJobScheduler(
      id,
      { pattern: schedule.cron, tz: schedule.timeZone },
      {
        name: TICK,
        data: { flow, params: {} },
        // A count would be that of all jobs of the queue, the runs that somebody waits for among them.
        opts: { removeOnComplete: true, removeOnFail: true },
      },
    )
    log.info(
      isSame
        ? `The schedule of ${id} stood still and was set again.`
        : `The schedule of ${id} is ${schedule.cron} (${schedule.timeZone}).`,
    )
  }

  /** A tick that waits for a worker is late, and not lost. */
  async function hasTick(): Promise<boolean> {
    const jobs = await queue.getJobs(['delayed', 'waiting', 'active'])
    return jobs.some(job => job?.name === TICK)
  }

  look()
  const timer = setInterval(look, LOOK_MS)
  return {
    close: async () => {
      clearInterval(timer)
      await closeWithin(queue, CLOSE_LIMIT_MS)
    },
  }
}
