import { once } from 'node:events'

import { describe, expect, test } from 'vitest'

import { OperatingError } from '../../src/engine/errors.ts'
import { runHere } from '../../src/engine/run-here.ts'
import { numberFlow, untilAborted, type Work } from './number-flow.ts'

const log = { info: () => undefined, warning: () => undefined }

function run(
  params: readonly number[],
  work?: Work,
  timeoutMs?: number,
  signal = new AbortController().signal,
) {
  const limit = timeoutMs === undefined ? {} : { timeoutMs }
  return runHere(numberFlow(work, limit), params, { log, signal })
}

describe('a run', () => {
  test('is Completed with what its parts have done together', async () => {
    const before = Date.now()
    const ended = await run([2, 3])
    expect(ended).toEqual({
      runId: expect.any(String),
      state: 'Completed',
      startedAt: expect.any(Number),
      durationMs: expect.any(Number),
      result: 5,
    })
    expect(ended.startedAt).toBeGreaterThanOrEqual(before)
  })

  test('is Failed with the note of what a part threw, and throws nothing itself', async () => {
    const ended = await run([1], () => Promise.reject(new OperatingError('disk-full', 'The disk is full.')))
    expect(ended).toMatchObject({
      state: 'Failed',
      error: { message: 'The disk is full.', code: 'disk-full' },
    })
  })

  test('keeps the stack of an error that nobody foresaw, and no code', async () => {
    const { error } = await run([1], () => Promise.reject(new RangeError('too much')))
    expect(error).toEqual({ message: 'too much', stack: expect.stringContaining('RangeError: too much') })
  })

  test('is Failed where a text was thrown', async () => {
    expect(await run([1], () => Promise.reject('a text'))).toMatchObject({
      state: 'Failed',
      error: { message: 'a text' },
    })
  })

  test('is Failed, without a result, where it cannot be planned', async () => {
    const flow = { ...numberFlow(), plan: () => Promise.reject(new Error('no plan')) }
    const ended = await runHere(flow, [1], { log, signal: new AbortController().signal })
    expect(ended).toMatchObject({ state: 'Failed', error: { message: 'no plan' } })
    expect(ended).not.toHaveProperty('result')
  })

  test('is TimedOut when its limit aborts it, and keeps what was done before', async () => {
    const work: Work = async (part, context) => {
      context.keep(part)
      await untilAborted(part, context)
    }
    const ended = await run([7], work, 10)
    expect(ended).toMatchObject({ state: 'TimedOut', result: 7 })
    expect(ended.error?.message).toBe('the run passed its time limit of 0.01 s')
  })

  test('is Cancelled when its signal is aborted, with the reason that was given', async () => {
    const controller = new AbortController()
    const running = run([1], untilAborted, undefined, controller.signal)
    setImmediate(() => controller.abort(new Error('an operator wanted it')))
    expect(await running).toMatchObject({ state: 'Cancelled', error: { message: 'an operator wanted it' } })
  })

  test('is Cancelled and not TimedOut where both came', async () => {
    const controller = new AbortController()
    const work: Work = async (part, context) => {
      await untilAborted(part, context).catch(() => undefined)
      controller.abort()
      throw new Error('stopped')
    }
    expect((await run([1], work, 5, controller.signal)).state).toBe('Cancelled')
  })

  test('whose work ends after its limit is Completed all the same', async () => {
    const work: Work = async (part, { signal, keep }) => {
      if (!signal.aborted) await once(signal, 'abort')
      keep(part)
    }
    expect(await run([4], work, 5)).toMatchObject({ state: 'Completed', result: 4 })
  })

  test('tells what each part has done so far, and of none that has not begun', async () => {
    const seen: unknown[] = []
    const work: Work = async (part, { keep }) => keep(part * 10)
    const onProgress = (parts: unknown) => seen.push(parts)
    await runHere(numberFlow(work), [1, 2], { log, signal: new AbortController().signal, onProgress })
    expect(seen).toEqual([
      [
        { part: 1, done: undefined },
        { part: 2, done: undefined },
      ],
      [
        { part: 1, done: 10 },
        { part: 2, done: undefined },
      ],
      [
        { part: 1, done: 10 },
        { part: 2, done: 20 },
      ],
    ])
  })
})

test('its parts are told to end new work when nine tenths of the time are over', async () => {
  let until = 0
  const work: Work = async (_part, { readUntil }) => {
    until = readUntil
  }
  const { startedAt } = await run([1], work, 1_000)
  expect(until).toBe(startedAt + 900)
})

test('every run has an id of its own, which its parts know', async () => {
  const known: string[] = []
  const work: Work = async (_part, { runId }) => void known.push(runId)
  const [one, two] = [await run([1], work), await run([1], work)]
  expect(known).toEqual([one.runId, two.runId])
  expect(two.runId).not.toBe(one.runId)
})
