import { DateTime } from 'luxon'
import { describe, expect, test } from 'vitest'

import { type BackfillOptions, planBackfill } from '../../src/cli/backfill-plan.ts'
import { UsageError } from '../../src/cli/context.ts'
import { eventTypes } from '../../src/records/event-type.ts'

const now = DateTime.fromISO('2026-11-21T22:07:30.250Z', { zone: 'utc' })
const plan = (options: Partial<BackfillOptions>) =>
  planBackfill({ from: '-1h', window: '5m', ...options }, now)

const timesOf = (options: Partial<BackfillOptions>) =>
  plan(options).windows.map(({ from, to }) => [from.toISO(), to.toISO()])

describe('a plan', () => {
  test('of a relative time has as many windows as the range is long: both ends have one now', () => {
    expect(plan({}).windows).toHaveLength(12)
    expect(timesOf({ from: '-7m' })).toEqual([
      ['2026-11-21T22:00:30.250Z', '2026-11-21T22:05:30.250Z'],
      ['2026-11-21T22:05:30.250Z', '2026-11-21T22:07:30.250Z'],
    ])
  })

  test('takes times in UTC where they name no zone, and turns the others into UTC', () => {
    expect(timesOf({ from: '2026-11-21T17:00', to: '2026-11-21T19:01+02:00', window: '1d' })).toEqual([
      ['2026-11-21T17:00:00.000Z', '2026-11-21T17:01:00.000Z'],
    ])
  })

  test('is of all types, or of those named, each once, however often --type is given', () => {
    expect(plan({}).types).toEqual(eventTypes)
    expect(plan({ type: ['likes,posts', 'likes'] }).types).toEqual(['likes', 'posts'])
  })

  test('ends at now where --to is later, and says so', () => {
    const { windows, remark } = plan({ from: '2026-11-21T22:00', to: '2026-11-23' })
    expect(windows.at(-1)?.to.toISO()).toBe(now.toISO())
    expect(remark).toBe(
      '--to 2026-11-23 is in the future: the backfill ends at now, 2026-11-21T22:07:30.250Z.',
    )
    expect(plan({ to: 'now' }).remark).toBeUndefined()
  })
})

describe('the operator’s mistake is told with what to do:', () => {
  const mistakes: readonly (readonly [Partial<BackfillOptions>, RegExp])[] = [
    [{ from: 'yesterday' }, /^--from 'yesterday' is no time; try --from 2026-01-31T09:00 or --from -2h\.$/],
    [{ from: '' }, /^--from '' is no time/],
    [{ to: '25:00' }, /^--to '25:00' is no time; try --to 2026-01-31T09:00 or --to -2h\.$/],
    [{ from: '-1h', to: '-2h' }, /--from 2026-11-21T21:07:30.250Z is not before --to 2026-11-21T20:07:/],
    [{ from: '2026-11-21T20:00', to: '2026-11-21T20:00' }, /^The range is empty: .* give an earlier --from/],
    [{ from: 'now' }, /^The range is empty/],
    [
      { from: '2026-11-22', to: '2026-11-23' },
      /^--from 2026-11-22 is in the future\. The ids of entries are the times at which Redis took them/,
    ],
    [{ type: ['posts,cats'] }, /^'cats' is no type; there are posts, likes, reposts, follows, blocks\.$/],
    [{ type: ['posts', ''] }, /^'' is no type/],
    [{ window: '5' }, /^--window '5' is no length; .* such as 30s, 5m, 1h or 1d\.$/],
    [{ window: '500ms' }, /^--window '500ms' is no length; it must be a second or more/],
    [{ window: '0s' }, /^--window '0s' is no length/],
    [
      { from: '-7d', window: '5m' },
      /^--window 5m would make 2,016 windows of this range, and 2,000 are the most; try --window 10m\.$/,
    ],
    [{ from: '1970-01-01', window: '1s' }, /try --window 14d\.$/],
  ]
  test.each(mistakes)('%j', (options, sentence) => {
    expect(() => plan(options)).toThrow(UsageError)
    expect(() => plan(options)).toThrow(sentence)
  })

  test('but as many windows as may be are made', () => {
    expect(plan({ from: '-2000s', window: '1s' }).windows).toHaveLength(2_000)
    expect(() => plan({ from: '-2001s', window: '1s' })).toThrow('2,001 windows')
  })
})
