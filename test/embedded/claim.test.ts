import { randomUUID } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { claimFolder } from '../../src/embedded/claim.ts'
import { inSteps, type Stepper } from './turns.ts'
import { worldOf } from './world.ts'

const DEAD = JSON.stringify({ pid: 2 ** 22 + 1, processStart: 'long ago' })

/** Ways in which three take turns, where one is held up after `i` of its steps and one after `j`. */
const orders: readonly ((of: readonly Stepper[], i: number, j: number) => Promise<boolean>)[] = [
  ([a, b, c], i, j) => inOrder([a, i], [b], [c, j], [a], [c]),
  ([a, b, c], i, j) => inOrder([a, i], [b, j], [a], [b], [c]),
  ([a, b, c], i, j) => inOrder([a, i], [b, j], [c], [b], [a]),
  ([a, b, c], i, j) => inOrder([a, i], [b, j], [c], [a], [b]),
  ([a, b, c], i, j) => inOrder([a, i], [b], [a, j], [c], [a]),
]

test('a claim of a process that died is never with two of three, wherever two of them are held up', async context => {
  const root = await worldOf(context).folder()
  const tryOut = async (order: (typeof orders)[number], i: number, j: number) => {
    const folder = join(root, randomUUID())
    await mkdir(folder)
    await writeFile(join(folder, 'claim.5'), DEAD)
    const held = { now: 0, most: 0 }
    const wereHeldUp = await order(
      [contender(folder, held), contender(folder, held), contender(folder, held)],
      i,
      j,
    )
    expect(held, `${order}, held up at ${i} and ${j}`).toEqual({ now: 0, most: 1 })
    await (await claimFolder(folder)).release()
    expect((await readdir(folder)).filter(it => it.startsWith('claim.'))).toHaveLength(1)
    return wereHeldUp
  }
  let tried = 0
  for (const order of orders) {
    for (let [i, j] = [0, 1]; j > 0; i += 1) {
      // One that has ended before it was to be held up has nothing left that could be tried.
      for (j = 0; await tryOut(order, i, j); j += 1) tried += 1
    }
  }
  expect(tried).toBeGreaterThan(100)
})

/** Claims a folder once and, where it is not refused, has it for the time of one step. */
function contender(folder: string, held: { now: number; most: number }): Stepper {
  return inSteps(async (files, turn) => {
    const claim = await claimFolder(folder, files).catch(error => {
      expect(error).toMatchObject({ code: 'already-running' })
    })
    if (claim === undefined) return
    held.now += 1
    held.most = Math.max(held.most, held.now)
    await turn(async () => undefined)
    held.now -= 1
    await claim.release()
  })
}

/** True where each that was to take a number of steps has taken them all. */
async function inOrder(...turns: readonly (readonly [Stepper | undefined, number?])[]): Promise<boolean> {
  let areTaken = true
  for (const [stepper, steps] of turns) {
    if (steps === undefined) await stepper?.finish()
    for (let taken = 0; taken < (steps ?? 0); taken += 1) {
      areTaken = (await stepper?.step()) === true && areTaken
    }
  }
  return areTaken
}
