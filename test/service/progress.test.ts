import { expect, test } from 'vitest'

import type { RunEvent } from '../../src/engine/run-event.ts'
import { createProgress } from '../../src/service/progress.ts'

const log = {
  info: () => undefined,
  warning: () => undefined,
  error: () => undefined,
  event: () => undefined,
}

/** A watch over a schedule, and how often it asked for a run and told that one is missing. */
function watched(cron: string) {
  const seen = { asked: 0, missing: 0 }
  const progress = createProgress({
    schedule: { cron, timeZone: 'UTC' },
    runTimeoutMs: 240_000,
    queue: {
      counts: async () => ({ workers: 1, waiting: 0 }),
      nextAt: async () => Date.now(),
      addOfDeployment: async () => {
        seen.asked += 1
        return 'a-run'
      },
    },
    status: { read: async () => ({ healthy: true, streams: [], lastCommit: undefined }) },
    startedAt: Date.now() - 3_600_000,
  })
  const missing = () => {
    seen.missing += 1
  }
  const watch = () => progress.watch(log, missing)
  return { ...progress, seen, watch }
}

function event(state: RunEvent['state'], agoMs: number, more: Partial<RunEvent> = {}): RunEvent {
  const time = new Date(Date.now() - agoMs).toISOString()
  return { runId: 'a-run', flow: 'data-writer', state, time, worker: 'here:1', ...more }
}

test('where two times of the schedule brought no run, one is asked for and told to be missing, once', async () => {
  const { seen, watch, take } = watched('* * * * *')
  take(event('Running', 600_000))
  take(event('Completed', 599_000))
  await watch()
  await watch()
  expect(seen).toEqual({ asked: 1, missing: 1 })
})

test('none is missing while one is on its way, has just begun, or the schedule rests', async () => {
  const long = watched('* * * * *')
  long.take(event('Running', 200_000))
  const recent = watched('* * * * *')
  recent.take(event('Running', 61_000))
  recent.take(event('Completed', 60_000))
  const resting = watched('0 0 1 1 *')
  for (const { watch, seen } of [long, recent, resting]) {
    await watch()
    expect(seen).toEqual({ asked: 0, missing: 0 })
  }
})

test('a run that is lost, one by a worker’s own clock, and a clock that is ahead hide nothing', async () => {
  const lost = watched('* * * * *')
  lost.take(event('Running', 600_000))
  const own = watched('* * * * *')
  own.take(event('Running', 1_000, { isUnqueued: true }))
  for (const { watch, seen } of [lost, own]) {
    await watch()
    expect(seen).toEqual({ asked: 1, missing: 1 })
  }
  const ahead = watched('* * * * *')
  ahead.take(event('Running', -86_400_000))
  ahead.take(event('Completed', -86_400_000))
  const [, , runs] = ahead.checks
  expect((await runs?.run())?.detail).toMatch(/ended 0 s ago/)
})
