import { expect, test } from 'vitest'

import type { RunEvent } from '../../src/engine/run-event.ts'
import { Alerts } from '../../src/slack/alerts.ts'
import { fails, runEnds, START, unreachable } from './run-events.ts'

/** The numbers of the events that are told, with what they are. */
function told(events: readonly RunEvent[], alerts = new Alerts()): string[] {
  return events.flatMap((event, at) => {
    const alert = alerts.take(event)
    return alert === undefined ? [] : [`${at} ${alert.kind}`]
  })
}

const completes = (number: number) => runEnds(number, 'Completed')

test('of a row of failures the first is told, and the run that ends it', () => {
  const events = [completes(1), unreachable(2), unreachable(3), unreachable(4), completes(5), completes(6)]
  expect(told(events)).toEqual(['1 failure', '4 recovery'])
})

test('a flow that never failed has nothing to tell', () => {
  expect(told([runEnds(1, 'Running'), completes(1), completes(2)])).toEqual([])
})

test('Failed, TimedOut and Crashed are failures; Cancelled neither fails nor mends anything', () => {
  for (const state of ['Failed', 'TimedOut', 'Crashed'] as const) {
    expect(told([runEnds(1, state), runEnds(2, 'Cancelled'), completes(3)])).toEqual([
      '0 failure',
      '2 recovery',
    ])
  }
  expect(told([runEnds(1, 'Cancelled'), completes(2)])).toEqual([])
})

test('another cause is told while the first one lasts, and each only once', () => {
  const full = (number: number) => fails(number, 'The disk is full.', 'disk-full')
  const events = [
    unreachable(1),
    full(2),
    unreachable(3),
    full(4),
    runEnds(5, 'Crashed'),
    completes(6),
    full(7),
  ]
  expect(told(events)).toEqual(['0 failure', '1 failure', '4 failure', '5 recovery', '6 failure'])
})

test('a worker that dies is another cause than a time limit, also where neither left an error', () => {
  expect(told([runEnds(1, 'Crashed'), runEnds(2, 'TimedOut'), runEnds(3, 'Crashed')])).toEqual([
    '0 failure',
    '1 failure',
  ])
})

test('an error without a code is the same cause when only its ids, times and addresses differ', () => {
  const same = [
    fails(1, 'attempt 01J9-a4f2 of 127.0.0.1:6379\n failed after 12 s'),
    fails(2, 'attempt 77ab-0000 of 10.0.0.9:6380 failed after 240 s'),
  ]
  expect(told(same)).toEqual(['0 failure'])
  expect(told([fails(1, 'no rows'), fails(2, 'no files')])).toEqual(['0 failure', '1 failure'])
})

test('the causes of a run are those of its types, whichever types they stopped', () => {
  const stopped = (number: number, failed: Readonly<Record<string, unknown>>) =>
    runEnds(number, 'Failed', {
      error: { message: `${Object.keys(failed).join(', ')}: failed` },
      result: { types: {}, remaining: 0, failed },
    })
  const away = { message: 'away', code: 'redis-unreachable' }
  const full = { message: 'full', code: 'disk-full' }
  const events = [
    stopped(1, { posts: away }),
    stopped(2, { likes: away, posts: away }),
    stopped(3, { likes: full, posts: away }),
    stopped(4, { likes: away, posts: full }),
  ]
  expect(told(events)).toEqual(['0 failure', '2 failure'])
})

test('an event that comes twice counts once', () => {
  const alerts = new Alerts()
  for (const event of [unreachable(1), unreachable(1), unreachable(2), unreachable(1)]) alerts.take(event)
  expect(alerts.take(completes(3))).toMatchObject({ failedRuns: 2 })
  expect(told([unreachable(1), completes(3), unreachable(2)], alerts)).toEqual([])
})

test('a recovery says how long the flow was down, how many runs failed, and of which causes', () => {
  const alerts = new Alerts()
  const events = [
    unreachable(10),
    unreachable(15),
    fails(20, 'The disk is full.', 'disk-full'),
    unreachable(25),
  ]
  const failures = events.map(event => alerts.take(event))
  expect(failures.map(it => it?.kind === 'failure' && it.failedRuns)).toEqual([1, false, 3, false])
  expect(alerts.take(completes(31))).toEqual({
    kind: 'recovery',
    run: completes(31),
    downMs: 21 * 60_000,
    failedRuns: 4,
    causes: new Map([
      ['redis-unreachable', 3],
      ['disk-full', 1],
    ]),
  })
})

test('a flow is never down for less than no time, when the clocks of two workers differ', () => {
  const alerts = new Alerts()
  alerts.take(unreachable(10))
  expect(alerts.take(runEnds(11, 'Completed', { minute: 2 }))).toMatchObject({ downMs: 0 })
})

test('flows fail and recover each for itself', () => {
  const other = { flow: 'compaction' }
  const events = [unreachable(1), runEnds(2, 'Failed', other), completes(3), runEnds(4, 'Completed', other)]
  expect(told(events)).toEqual(['0 failure', '1 failure', '2 recovery', '3 recovery'])
})

test('a missing run is told once, until a run completes', () => {
  const alerts = new Alerts()
  const missing = (minute: number) =>
    alerts.missing({ flow: 'data-writer', sinceMs: 12 * 60_000, now: START + minute * 60_000 })
  expect(missing(20)).toEqual({ kind: 'missing', flow: 'data-writer', sinceMs: 12 * 60_000 })
  expect(missing(21)).toBeUndefined()
  expect(told([unreachable(22)], alerts)).toEqual(['0 failure'])
  expect(missing(40)).toBeUndefined()
  expect(alerts.take(completes(41))).toMatchObject({
    downMs: (41 - 8) * 60_000,
    failedRuns: 1,
    causes: new Map([
      ['no-run', 0],
      ['redis-unreachable', 1],
    ]),
  })
  expect(missing(60)).toBeDefined()
})

test('a flow that fails in ever new words is told fifty times and then only counted', () => {
  const letters = (number: number) => [...String(number)].map(digit => 'abcdefghij'[Number(digit)]).join('')
  const events = Array.from({ length: 60 }, (_, number) => fails(number, letters(number)))
  const alerts = new Alerts()
  expect(told(events, alerts)).toHaveLength(50)
  expect(alerts.take(completes(60))).toMatchObject({ failedRuns: 60 })
})
