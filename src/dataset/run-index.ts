import { compareIds, type EntryId } from '../records/stream-entry.ts'

/** One stretch of committed entries: first id, last id, and how many entries of it were committed. */
export type Run = readonly [first: EntryId, last: EntryId, count: number]

/** More runs than this are merged from the oldest on: 10,000 are five weeks of five-minute commits, about 0.5 MB. */
export const RUNS_MAX = 10_000

/**
 * The committed id ranges of a stream, to answer "can this id be known?" by an interval compare. It may say
 * yes of an id that was never committed (runs are merged over gaps, and hold the gaps between the ids that
 * they were read with); the files settle that. It never says no of one that was.
 */
export class RunIndex {
  /** Disjoint, ascending. */
  readonly #runs: Run[]
  readonly #runsMax: number

  constructor(runs: readonly Run[] = [], runsMax = RUNS_MAX) {
    this.#runs = [...runs]
    this.#runsMax = runsMax
  }

  get runs(): readonly Run[] {
    return this.#runs
  }

  overlaps(first: EntryId, last: EntryId): boolean {
    const run = this.#runs[this.#firstEndingAtOrAfter(first)]
    return run !== undefined && compareIds(run[0], last) <= 0
  }

  add([first, last, count]: Run): void {
    const start = this.#firstEndingAtOrAfter(first)
    let end = start
    let merged: Run = [first, last, count]
    for (
      let run = this.#runs[end];
      run !== undefined && compareIds(run[0], last) <= 0;
      run = this.#runs[end]
    ) {
      merged = merge(merged, run)
      end += 1
    }
    this.#runs.splice(start, end - start, merged)
    while (this.#runs.length > this.#runsMax) this.#mergeOldest()
  }

  #mergeOldest(): void {
    const [oldest, next] = this.#runs
    if (oldest !== undefined && next !== undefined) this.#runs.splice(0, 2, merge(oldest, next))
  }

  #firstEndingAtOrAfter(id: EntryId): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const run = this.#runs[middle]
      if (run !== undefined && compareIds(run[1], id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

function merge(a: Run, b: Run): Run {
  return [compareIds(a[0], b[0]) <= 0 ? a[0] : b[0], compareIds(a[1], b[1]) >= 0 ? a[1] : b[1], a[2] + b[2]]
}
