import { DateTime } from 'luxon'
import { describe, expect, test } from 'vitest'

import { planBackfill } from '../../src/cli/backfill-plan.ts'
import {
  backfillDocument,
  failureText,
  summaryText,
  type WindowEnd,
  windowLine,
  windowText,
} from '../../src/cli/backfill-report.ts'
import type { EndedRun } from '../../src/cli/run-report.ts'
import { noCounts } from '../../src/flows/drain-report.ts'

const now = DateTime.fromISO('2026-11-22T12:00Z', { zone: 'utc' })
const plan = planBackfill({ from: '2026-11-21T23:50', to: '2026-11-22T00:20', window: '5m' }, now)

type Counts = Readonly<Record<string, Partial<typeof noCounts>>>

function ended(types: Counts, more: Partial<EndedRun> = {}): EndedRun {
  const all = Object.entries(types).map(([type, counts]) => [type, { ...noCounts, ...counts }])
  const result = { types: Object.fromEntries(all), remaining: 0, failed: {} }
  return { runId: 'r', state: 'Completed', durationMs: 840, result, ...more }
}

const failed = (message: string) => ended({}, { state: 'Failed', error: { message } })

/** The plan's windows, with how their runs ended. */
const endsOf = (...runs: readonly (EndedRun | undefined)[]): readonly WindowEnd[] =>
  plan.windows.map((window, at) => {
    const run = runs[at]
    return { window, runId: `r${at}`, ...(run !== undefined && { ended: run }) }
  })

const lineOf = (run: EndedRun, at = 0) => {
  const window = plan.windows[at]
  if (window === undefined) throw new Error(`the plan has no window ${at}`)
  return windowLine({ window, runId: 'r', ended: run })
}

describe('the line of a window', () => {
  test('names its times and what was done, and one over midnight both days', () => {
    const run = ended({ posts: { read: 12_000, written: 11_998 }, likes: { read: 345, written: 345 } })
    expect(lineOf(run)).toBe('2026-11-21T23:50Z–23:55Z  Completed  12,345 read, 12,343 written in 0.8 s')
    expect(lineOf(run, 1)).toMatch(/^2026-11-21T23:55Z–2026-11-22T00:00Z {2}Completed/)
  })

  test('has seconds only where a time has some', () => {
    const at = (text: string) => DateTime.fromISO(text, { zone: 'utc' })
    expect(windowText({ from: at('2026-11-21T22:00:05.5'), to: at('2026-11-21T22:01') })).toBe(
      '2026-11-21T22:00:05.500Z–22:01Z',
    )
  })

  test('says of an empty one that nothing is there, of a failed one why, in one line', () => {
    expect(lineOf(ended({ posts: {} }))).toBe('2026-11-21T23:50Z–23:55Z  Completed  nothing there')
    expect(lineOf(failed('posts: no.\nlikes: neither.'))).toBe(
      '2026-11-21T23:50Z–23:55Z  Failed  posts: no. likes: neither.',
    )
  })

  test('says what a run left to the one that follows it, of all its types', () => {
    const run = ended({ posts: { read: 5, written: 5, remaining: 7 }, likes: { read: 5, remaining: 4 } })
    expect(lineOf(run)).toMatch(/10 read, 5 written in 0\.8 s, 11 left to one more run$/)
  })
})

const mixed = endsOf(
  ended({ posts: { read: 3, written: 2, rejected: 1, deleted: 3, files: 1 } }),
  failed('posts: no stream'),
  failed('posts: no stream'),
  ended({ likes: {} }),
  failed('posts: no stream'),
)

test('the summary has a row for each type, and counts the windows by how they ended', () => {
  const lines = summaryText(mixed, plan, 12_340).split('\n')
  expect(lines[1]).toMatch(/^posts +3 +2 +1 +0 +3 +1$/)
  expect(lines[2]).toMatch(/^likes +0 +0 +0 +0 +0 +0$/)
  expect(lines[6]).toBe('6 windows: 2 completed, 1 of them empty, 3 failed, 1 not done; 2 rows in 12.3 s')
})

test('failed windows that follow each other stand together, with the command that does just them again', () => {
  const again = (from: string, to: string) =>
    `  bin/skydrain backfill --from ${from} --to ${to} --window 5m --wait`
  expect(failureText(mixed, plan)).toBe(
    [
      '2026-11-21T23:55Z–2026-11-22T00:05Z (2 windows) are Failed: posts: no stream',
      again('2026-11-21T23:55Z', '2026-11-22T00:05Z'),
      '2026-11-22T00:10Z–00:15Z is Failed: posts: no stream',
      again('2026-11-22T00:10Z', '2026-11-22T00:15Z'),
    ].join('\n'),
  )
  const two = endsOf(failed('one'), failed('other'))
  expect(failureText(two, { ...plan, types: ['posts', 'likes'] }).split('\n')).toEqual([
    '2026-11-21T23:50Z–23:55Z is Failed: one',
    expect.stringContaining(' --to 2026-11-21T23:55Z --type posts,likes --window 5m --wait'),
    '2026-11-21T23:55Z–2026-11-22T00:00Z is Failed: other',
    expect.stringContaining(' --from 2026-11-21T23:55Z '),
  ])
})

test('the document has every window and every type, and says how all of it ended', () => {
  const { windows, types, state } = backfillDocument(mixed, plan, false)
  expect(state).toBe('Failed')
  expect(windows).toHaveLength(6)
  expect(windows[0]).toEqual({
    from: '2026-11-21T23:50:00.000Z',
    to: '2026-11-21T23:55:00.000Z',
    run_id: 'r0',
    state: 'Completed',
    read: 3,
    written: 2,
    rejected: 1,
    duplicates: 0,
  })
  expect(windows[1]).toMatchObject({ state: 'Failed', error: 'posts: no stream' })
  expect(windows[5]).toMatchObject({ run_id: 'r5', state: 'Cancelled', read: 0 })
  expect(Object.keys(types)).toEqual(plan.types)
  expect(types.posts).toEqual({ read: 3, written: 2, rejected: 1, duplicates: 0, deleted: 3, files: 1 })
  expect(backfillDocument(mixed, plan, true).state).toBe('Cancelled')
  expect(backfillDocument(endsOf(ended({})), plan, false).state).toBe('Completed')
})
