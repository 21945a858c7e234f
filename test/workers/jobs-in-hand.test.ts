import { expect, test } from 'vitest'

import { JobsInHand } from '../../src/workers/jobs-in-hand.ts'

const untilStopped = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

test('a job that comes a second time stops the first, waits for its end, and is not begun', async () => {
  const jobs = new JobsInHand()
  const first = jobs.take('a', untilStopped)
  const lost = expect(first).rejects.toThrow('the job was lost to another worker')
  const begun: string[] = []
  const again = await jobs.take('a', async () => void begun.push('again'))
  await lost
  expect([again, begun]).toEqual(['twice', []])
  // Then it may.
  expect(await jobs.take('a', async () => 'done')).toEqual({ result: 'done' })
})

test('a job whose lock is lost is stopped, and no other', async () => {
  const jobs = new JobsInHand()
  const lost = expect(jobs.take('a', untilStopped)).rejects.toThrow('lost')
  let isStopped = false
  const other = jobs.take('b', async signal => {
    await new Promise(resolve => setImmediate(resolve))
    isStopped = signal.aborted
  })
  jobs.stop('a')
  jobs.stop('unknown')
  await lost
  await other
  expect(isStopped).toBe(false)
})
