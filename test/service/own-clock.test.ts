import { afterEach, expect, test } from 'vitest'

import { type OwnClock, type OwnClockOptions, startOwnClock } from '../../src/service/own-clock.ts'
import { waitFor } from '../cli/world.ts'

const clocks: OwnClock[] = []

afterEach(async () => {
  await Promise.all(clocks.splice(0).map(it => it.close()))
})

const EVERY_SECOND = { cron: '* * * * * *', timeZone: 'UTC' }
const OLD = { length: 1, firstId: `${Date.now() - 60_000}-0`, lastId: `${Date.now()}-0` }

/** A clock that ticks each second, with everything in favour of a run: how often it looked, and ran. */
function start(options: Partial<OwnClockOptions>) {
  const seen = { looks: 0, runs: 0, warnings: [] as string[] }
  const clock = startOwnClock({
    schedule: EVERY_SECOND,
    isDraining: async () => false,
    newestRun: () => Promise.reject(new Error('The queue is away.')),
    run: async () => {
      seen.runs += 1
    },
    warn: message => seen.warnings.push(message),
    ...options,
    spans: async () => {
      seen.looks += 1
      return (await options.spans?.()) ?? { posts: OLD }
    },
  })
  clocks.push(clock)
  return seen
}

test('where the queue cannot be used, a run begins behind each time of the schedule', async () => {
  const seen = start({})
  await waitFor('two runs', async () => seen.runs === 2)
  expect(seen.looks).toBe(2)
  expect(seen.warnings[0]).toBe('The queue is away. This worker drains by its own clock.')
})

test('where no run was told of for two intervals, one begins', async () => {
  const seen = start({ newestRun: async () => Date.now() - 60_000 })
  await waitFor('a run', async () => seen.runs === 1)
  expect(seen.warnings).toEqual([
    'No run was begun for two intervals of the schedule. This worker drains by its own clock.',
  ])
})

test('no run begins where nothing waits, another drains, or the schedule has brought one', async () => {
  const recent = { length: 1, firstId: '99999999999999-0', lastId: '99999999999999-0' }
  const all = [
    start({ spans: async () => ({ posts: { length: 0, lastId: '5-0' }, likes: recent }) }),
    start({ isDraining: async () => true }),
    start({ newestRun: async () => Date.now() }),
    start({ spans: () => Promise.reject(new Error('the buffer is away')) }),
  ]
  await waitFor('each to have looked twice', async () => all.every(it => it.looks >= 2))
  expect(all.map(it => it.runs)).toEqual([0, 0, 0, 0])
})

test('a clock whose next time is far away sleeps, and ends at once when it is closed', async () => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error) => void warnings.push(name)
  process.on('warning', onWarning)
  const seen = start({ schedule: { cron: '0 0 1 6 *', timeZone: 'UTC' } })
  const other = start({})
  await waitFor('another one to run', async () => other.runs === 1)
  process.off('warning', onWarning)
  // A timer for more than 24 days is one of a millisecond.
  expect([seen.looks, warnings]).toEqual([0, []])
  await clocks[0]?.close()
})

test('closing it aborts the run in hand and waits for it', async () => {
  let isOver = false
  const seen = start({
    run: async signal => {
      await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
      isOver = true
    },
  })
  await waitFor('it to have looked', async () => seen.warnings.length === 1)
  await clocks[0]?.close()
  expect(isOver).toBe(true)
})
