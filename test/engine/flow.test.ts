import { once } from 'node:events'

import { describe, expect, test } from 'vitest'

import { type FlowContext, flow } from '../../src/engine/flow.ts'

const silent = { info: () => undefined, warning: () => undefined }
const LONG_MS = 600_000

function start(signal = new AbortController().signal) {
  return { log: silent, signal }
}

/** A body that works until it is stopped, and then throws the reason. */
async function untilAborted(_params: unknown, { signal }: { readonly signal: AbortSignal }): Promise<never> {
  await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
  throw signal.reason
}

describe('a run', () => {
  test('is Completed with the result of its body', async () => {
    const sum = flow('sum', { timeoutMs: LONG_MS }, async ({ a, b }: { a: number; b: number }) => a + b)
    const run = await sum.run({ a: 2, b: 3 }, start())
    expect(run).toEqual({
      runId: expect.any(String),
      state: 'Completed',
      durationMs: expect.any(Number),
      result: 5,
    })
    expect(sum.name).toBe('sum')
  })

  test('is Failed with the very error that its body threw, and throws nothing itself', async () => {
    const error = new RangeError('too much')
    const run = await flow('fails', { timeoutMs: LONG_MS }, async () => {
      throw error
    }).run({}, start())
    expect(run.state).toBe('Failed')
    expect(run.error).toBe(error)
    expect(run).not.toHaveProperty('result')
  })

  test('is Failed with an Error where a text was thrown', async () => {
    const run = await flow('fails', { timeoutMs: LONG_MS }, () => Promise.reject('a text')).run({}, start())
    expect(run).toMatchObject({ state: 'Failed', error: new Error('a text') })
  })

  test('is TimedOut when its limit aborts it', async () => {
    const run = await flow('slow', { timeoutMs: 10 }, untilAborted).run({}, start())
    expect(run.state).toBe('TimedOut')
    expect(run.error?.message).toBe('the run passed its time limit of 0.01 s')
    expect(run.error?.cause).toMatchObject({ name: 'TimeoutError' })
  })

  test('is Cancelled when its signal is aborted, with the reason that was given', async () => {
    const controller = new AbortController()
    const reason = new Error('an operator wanted it')
    const running = flow('slow', { timeoutMs: LONG_MS }, untilAborted).run({}, start(controller.signal))
    setImmediate(() => controller.abort(reason))
    const run = await running
    expect(run.state).toBe('Cancelled')
    expect(run.error).toBe(reason)
  })

  test('is Cancelled and not TimedOut where both came', async () => {
    const controller = new AbortController()
    const body = async (params: unknown, context: FlowContext<unknown>) => {
      await untilAborted(params, context).catch(() => undefined)
      controller.abort()
      throw new Error('stopped')
    }
    const run = await flow('slow', { timeoutMs: 5 }, body).run({}, start(controller.signal))
    expect(run.state).toBe('Cancelled')
  })

  test('keeps what was done before it was stopped', async () => {
    const body = async (params: unknown, context: FlowContext<string>) => {
      context.keep('half')
      return await untilAborted(params, { signal: context.signal })
    }
    const run = await flow('slow', { timeoutMs: 5 }, body).run({}, start())
    expect(run).toMatchObject({ state: 'TimedOut', result: 'half' })
    expect(run.error?.message).toBe('the run passed its time limit of 0.005 s')
  })

  test('that ends its work after its limit is Completed all the same', async () => {
    const body = async (_: unknown, { signal }: FlowContext<unknown>) => {
      if (!signal.aborted) await once(signal, 'abort')
      return 'done'
    }
    const run = await flow('late', { timeoutMs: 5 }, body).run({}, start())
    expect(run).toMatchObject({ state: 'Completed', result: 'done' })
  })

  test('tells how long it took', async () => {
    const body = async () => {
      const end = Date.now() + 12
      while (Date.now() < end);
    }
    const { durationMs } = await flow('busy', { timeoutMs: LONG_MS }, body).run({}, start())
    expect(durationMs).toBeGreaterThanOrEqual(12)
    expect(durationMs).toBeLessThan(10_000)
  })
})

test('the body is told to end new work when nine tenths of the time are over', async () => {
  const before = Date.now()
  const body = async (_: unknown, { readUntil }: FlowContext<number>) => readUntil
  const { result = 0 } = await flow('f', { timeoutMs: 1_000 }, body).run({}, start())
  expect(result).toBeGreaterThanOrEqual(before + 900)
  expect(result).toBeLessThanOrEqual(Date.now() + 900)
})

test('every run has an id of its own, which its body knows', async () => {
  const ids = flow('ids', { timeoutMs: LONG_MS }, async (_: unknown, { runId }: FlowContext<string>) => runId)
  const [one, two] = [await ids.run({}, start()), await ids.run({}, start())]
  expect(one.result).toBe(one.runId)
  expect(two.runId).not.toBe(one.runId)
})
