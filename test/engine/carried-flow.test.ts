import { expect, test } from 'vitest'

import { carried } from '../../src/engine/carried-flow.ts'
import { numberFlow, untilAborted, type Work } from './number-flow.ts'

const log = { info: () => undefined, warning: () => undefined }
const signal = new AbortController().signal
const start = { runId: 'a-run', startedAt: Date.now(), part: 3 }

test('parameters, parts and what was done that are not of the flow’s shapes are refused', async () => {
  const flow = carried(numberFlow())
  await expect(async () => flow.plan(['x'], { signal, log })).rejects.toThrow('expected number')
  await expect(async () =>
    flow.work({ ...start, part: 'x' }, { signal, log, told: () => undefined }),
  ).rejects.toThrow()
  await expect(async () =>
    flow.work({ ...start, before: 'x' }, { signal, log, told: () => undefined }),
  ).rejects.toThrow()
  expect(() => flow.end([{ part: 1, state: 'Gone' }])).toThrow()
})

test('a part that is taken over knows what was done of it before, and that its worker died', async () => {
  const seen: unknown[] = []
  const work: Work = async (part, { before, isTakenOver, keep }) => {
    seen.push([before, isTakenOver])
    keep(part + (before ?? 0))
  }
  const flow = carried(numberFlow(work))
  const told: unknown[] = []
  const carrier = { signal, log, told: (done: unknown) => void told.push(done) }
  const end = await flow.work({ ...start, before: 10, isTakenOver: true }, carrier)
  expect(end).toEqual({ part: 3, state: 'Completed', done: 13 })
  expect([seen, told]).toEqual([[[10, true]], [13]])
  expect(flow.end([JSON.parse(JSON.stringify(end))])).toEqual({ state: 'Completed', result: 13 })
})

test('a part that fails at once still has what was done before', async () => {
  const flow = carried(numberFlow(() => Promise.reject(new Error('broken'))))
  const end = await flow.work({ ...start, before: 10 }, { signal, log, told: () => undefined })
  expect(end).toMatchObject({ state: 'Failed', done: 10, error: { message: 'broken' } })
})

test('the time limit of a part counts from the beginning of its run', async () => {
  const flow = carried(numberFlow(untilAborted, { timeoutMs: 600_000 }))
  const carrier = { signal, log, told: () => undefined }
  const end = await flow.work({ ...start, startedAt: Date.now() - 600_000 }, carrier)
  expect(end).toMatchObject({
    state: 'TimedOut',
    error: { message: 'the run passed its time limit of 600 s' },
  })
})
