import { Gauge, type Registry } from 'prom-client'

/** The queue as it is now. */
export type QueueReading = {
  readonly workers: number
  /** Runs and parts of runs that no worker has taken. */
  readonly waiting: number
  /** When the next scheduled run is due: milliseconds since 1970; undefined where none is. */
  readonly nextRunAt: number | undefined
}

/** Shows what was read; nothing is shown of a queue that could not be: 0 workers would raise an alert. */
export function createQueueGauges(registry: Registry): (reading: QueueReading | undefined) => void {
  const registers = [registry]
  const workers = new Gauge({ name: 'skydrain_workers', help: 'Workers on the queue.', registers })
  const depth = new Gauge({
    name: 'skydrain_work_queue_depth',
    help: 'What waits in the queue for a worker.',
    registers,
  })
  const next = new Gauge({
    name: 'skydrain_schedule_next_timestamp_seconds',
    help: 'When the next scheduled run is due, in seconds since 1970; missing where none is.',
    registers,
  })

  return reading => {
    show(workers, reading?.workers)
    show(depth, reading?.waiting)
    show(next, reading?.nextRunAt === undefined ? undefined : reading.nextRunAt / 1_000)
  }
}

function show(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove()
  else gauge.set(value)
}
