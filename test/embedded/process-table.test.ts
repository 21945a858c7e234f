import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, type TestContext, test } from 'vitest'

import { type ProcessTable, procFiles, psCommand } from '../../src/embedded/process-table.ts'
import { waitFor } from '../cli/world.ts'
import { stateOf, worldOf } from './world.ts'

const tables: readonly (readonly [string, ProcessTable])[] = [
  ...(process.platform === 'linux' ? [['the files of /proc', procFiles] as const] : []),
  ['ps', psCommand],
]

describe.for(tables)('by %s,', ([, table]) => {
  test('a process has one start and one command line as long as it lives, and none afterwards', async context => {
    const { child, pid } = await spawned(context, 'sleep', '60.5')
    const start = await table.startOf(pid)
    expect(start).toMatch(/\d/)
    expect(await table.commandOf(pid)).toBe('sleep 60.5')
    expect(await table.startOf(pid)).toBe(start)

    child.kill()
    await once(child, 'exit')
    expect(await table.startOf(pid)).toBeUndefined()
    expect(await table.commandOf(pid)).toBeUndefined()
  })

  test('processes of different times have different starts, also where their names are odd', async context => {
    const odd = join(await worldOf(context).folder(), 'a) Z 1 (b')
    await copyFile('/bin/sleep', odd)
    const { pid } = await spawned(context, odd, '60')
    expect(await table.startOf(pid)).not.toBe(await table.startOf(1))
    expect(await table.startOf(pid)).toBeDefined()
  })

  test('a process that has ended and that nobody fetched is gone', async context => {
    const parent = await spawned(context, 'sh', '-c', 'sleep 61 & echo $!; exec sleep 60.5')
    const [said] = await once(parent.child.stdout ?? parent.child, 'data')
    const pid = Number(String(said))
    const unawares = async () => (await table.commandOf(parent.pid)) === 'sleep 60.5'
    await waitFor('a parent that does not know of its child', unawares)
    process.kill(pid)
    await waitFor('a zombie', async () => (await stateOf(pid)).startsWith('Z'))
    expect(await table.startOf(pid)).toBeUndefined()
    expect(await table.commandOf(pid)).toBeUndefined()
  })
})

async function spawned(
  { onTestFinished }: TestContext,
  file: string,
  ...words: string[]
): Promise<{ readonly child: ChildProcess; readonly pid: number }> {
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill()
  })
  await once(child, 'spawn')
  return { child, pid: child.pid ?? 0 }
}
