import { expect, test } from 'vitest'

import { task } from '../../src/engine/task.ts'

const never = new AbortController().signal

/** A body that throws the given things one after another, then returns what it was called with: its calls. */
function failing(...thrown: readonly unknown[]) {
  const calls = { count: 0 }
  const body = async () => {
    const at = calls.count
    calls.count += 1
    if (at < thrown.length) throw thrown[at]
    return `call ${calls.count}`
  }
  return { calls, body }
}

function policy(retryDelaysMs: readonly number[], retryIf: (error: Error) => boolean = () => true) {
  const retries: [string, number][] = []
  const onRetry = (error: Error, delayMs: number) => retries.push([error.message, delayMs])
  return { retries, options: { retryDelaysMs, retryIf, hasMoved: () => false, onRetry } }
}

test('what succeeds is called once', async () => {
  const { calls, body } = failing()
  const { retries, options } = policy([0, 0])
  expect(await task(options, never, body)).toBe('call 1')
  expect(calls.count).toBe(1)
  expect(retries).toEqual([])
})

test('what may pass is tried again after the delays of the list, one after the other', async () => {
  const { body } = failing(new Error('first'), new Error('second'))
  const { retries, options } = policy([2, 1, 60_000])
  expect(await task(options, never, body)).toBe('call 3')
  expect(retries).toEqual([
    ['first', 2],
    ['second', 1],
  ])
})

test('there are as many retries as delays, then the last error comes out unchanged', async () => {
  const errors = [new Error('first'), new Error('second'), new RangeError('third')]
  const { calls, body } = failing(...errors)
  await expect(task(policy([0, 0]).options, never, body)).rejects.toBe(errors[2])
  expect(calls.count).toBe(3)
})

test('an error that retryIf does not name comes out at once, unchanged', async () => {
  const fatal = new TypeError('fatal')
  const { calls, body } = failing(new Error('passes'), fatal)
  const { retries, options } = policy([0, 0, 0], error => error.message === 'passes')
  await expect(task(options, never, body)).rejects.toBe(fatal)
  expect(calls.count).toBe(2)
  expect(retries).toEqual([['passes', 0]])
})

test('a text that was thrown is an Error for retryIf', async () => {
  const { body } = failing('No space left')
  const { retries, options } = policy([0], error => error instanceof Error)
  expect(await task(options, never, body)).toBe('call 2')
  expect(retries).toEqual([['No space left', 0]])
})

test('an abort during a delay ends the wait, and the body is not called again', async () => {
  const controller = new AbortController()
  const { calls, body } = failing(new Error('passes'))
  const { options } = policy([600_000])
  const onRetry = () => setImmediate(() => controller.abort(new Error('cancelled')))
  await expect(task({ ...options, onRetry }, controller.signal, body)).rejects.toThrow(/abort/)
  expect(calls.count).toBe(1)
})

test('after an abort nothing is tried again: the error of the work in hand comes out', async () => {
  const controller = new AbortController()
  const error = new Error('cut short')
  const { retries, options } = policy([0, 0])
  const body = async () => {
    controller.abort()
    throw error
  }
  await expect(task(options, controller.signal, body)).rejects.toBe(error)
  expect(retries).toEqual([])
})

test('the delays begin anew after an error before which something was done', async () => {
  const { body, calls } = failing(new Error('1'), new Error('2'), new Error('3'), new Error('4'))
  const { options } = policy([0])
  const run = task({ ...options, hasMoved: () => calls.count < 4 }, never, body)
  await expect(run).rejects.toThrow('4')
  expect(calls.count).toBe(4 + 0)
})
