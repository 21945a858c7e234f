import { drainCounts } from '../flows/drain-report.ts'
import type { WatchedQueue } from '../service/queue.ts'
import { isDone, numberOf, sumOf, type WindowEnd, windowLine } from './backfill-report.ts'
import type { CliContext } from './context.ts'
import { bar, Progress } from './progress.ts'
import { grouped } from './table.ts'

/** What a person, or a log, sees of the windows while they are drained. */
export class BackfillView {
  readonly #windows: number
  readonly #context: CliContext
  readonly #showsLines: boolean
  readonly #progress: Progress
  readonly #startedAt = Date.now()
  #done = 0
  #entries = 0

  constructor(windows: number, context: CliContext, showsLines: boolean) {
    this.#windows = windows
    this.#context = context
    this.#showsLines = showsLines
    this.#progress = new Progress(context.showsProgress)
  }

  readonly tell = (message: string): void => {
    this.clear()
    this.#context.tell(message)
  }

  /** For those who wait for one window: the progress line is that of all of them. */
  get quiet(): Pick<CliContext, 'tell' | 'showsProgress'> {
    return { tell: this.tell, showsProgress: false }
  }

  look({ state, parts }: Awaited<ReturnType<WatchedQueue['wait']>>): void {
    if (state !== 'Scheduled' && state !== 'Running') return
    const read = parts.reduce((sum, { done }) => sum + (drainCounts.safeParse(done).data?.read ?? 0), 0)
    const isWaiting = state === 'Scheduled' ? ', waiting for a worker' : ''
    this.#progress.show(`${this.#line(this.#entries + read)}${isWaiting}`)
  }

  ended(end: WindowEnd): void {
    if (!isDone(end)) return
    this.#done += 1
    this.#entries += sumOf(end.ended).read
    if (this.#showsLines) this.#context.print(`${windowLine(end)}\n`)
  }

  clear(): void {
    this.#progress.clear()
  }

  /** What is wanted most comes first: a narrow terminal shows no more than that. */
  #line(entries: number): string {
    const seconds = (Date.now() - this.#startedAt) / 1000
    const rate = Math.round(entries / Math.max(0.001, seconds))
    const left = (seconds / this.#done) * (this.#windows - this.#done)
    const about = this.#done === 0 ? '' : `, about ${durationText(left)} left`
    const count = `${grouped(this.#done)} of ${numberOf(this.#windows, 'window')}`
    return `${bar(this.#done, this.#windows)}  ${count}${about}, ${grouped(entries)} entries, ${grouped(rate)} a second`
  }
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`
  return seconds < 7_200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3_600)} h`
}
