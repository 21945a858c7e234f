import { expect, test } from 'vitest'

import { Closers } from '../../src/engine/closers.ts'

function opened(...names: string[]) {
  const closed: string[] = []
  const closers = new Closers()
  for (const name of names) closers.add(name, it => closed.push(it))
  return { closers, closed }
}

test('what was opened last is closed first, each after the one before it is done', async () => {
  const closed: string[] = []
  const closers = new Closers()
  closers.add('first', it => closed.push(it))
  closers.add('second', async it => {
    await new Promise(setImmediate)
    closed.push(it)
  })
  await closers.close()
  expect(closed).toEqual(['second', 'first'])
})

test('add gives back what was opened', () => {
  const part = {}
  expect(new Closers().add(part, () => undefined)).toBe(part)
})

test('closing twice closes nothing twice', async () => {
  const { closers, closed } = opened('a', 'b')
  await closers.close()
  await closers.close()
  expect(closed).toEqual(['b', 'a'])
})

test('a closer that fails does not keep the others open, and its error comes out', async () => {
  const { closers, closed } = opened('first')
  const error = new Error('does not close')
  closers.add('broken', () => Promise.reject(error))
  closers.add('last', it => closed.push(it))
  await expect(closers.close()).rejects.toBe(error)
  expect(closed).toEqual(['last', 'first'])
})

test('the errors of several closers come out together', async () => {
  const { closers, closed } = opened('first')
  const errors = [new Error('one'), new Error('two')]
  for (const error of errors) {
    closers.add(error, it => {
      throw it
    })
  }
  await expect(closers.close()).rejects.toMatchObject({ errors: errors.toReversed() })
  expect(closed).toEqual(['first'])
})

test('await using closes at the end of the block', async () => {
  const closed: string[] = []
  {
    await using closers = new Closers()
    closers.add('part', it => closed.push(it))
    expect(closed).toEqual([])
  }
  expect(closed).toEqual(['part'])
})
