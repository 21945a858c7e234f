import { hostname } from 'node:os'

import { describe, expect, test } from 'vitest'

import type { StreamConnection } from '../../src/flows/streams-port.ts'
import { compareIds } from '../../src/records/stream-entry.ts'
import { fill, newStream, redis, useRedis, using } from './stream-server.ts'

useRedis()

describe('the monitoring group', () => {
  async function groupOf(stream: string) {
    const [group, ...others] = (await redis.client.xinfo('GROUPS', stream)) as unknown[][]
    expect(others).toEqual([])
    const pairs = new Map<unknown, unknown>()
    for (let at = 0; at < (group ?? []).length; at += 2) pairs.set(group?.[at], group?.[at + 1])
    return Object.fromEntries(pairs)
  }

  const drainFirst = (stream: string, count: number) =>
    using(stream, async connection => {
      const ids = Array.from({ length: count }, (_, at) => `${at + 1}-0`)
      await connection.deleteEntries(ids)
      return await connection.moveGroup(ids.at(-1) ?? '')
    })

  test('shows what is left as its lag, and this machine as its consumer', async () => {
    const stream = newStream()
    await fill(stream, 100)
    expect(await drainFirst(stream, 60)).toBeUndefined()
    expect(await groupOf(stream)).toMatchObject({ name: 'skydrain', consumers: 1, pending: 0, lag: 40 })
    expect(await groupOf(stream)).toMatchObject({ 'last-delivered-id': '60-0', 'entries-read': 60 })
    const consumers = (await redis.client.xinfo('CONSUMERS', stream, 'skydrain')) as unknown[][]
    expect(consumers.map(consumer => consumer[1])).toEqual([hostname()])

    await redis.client.xadd(stream, '200-0', 'a', 'b')
    expect(await groupOf(stream)).toMatchObject({ lag: 41 })
    await drainFirst(stream, 100)
    expect(await groupOf(stream)).toMatchObject({ consumers: 1, lag: 1 })
  })

  test('is made anew where somebody destroyed it, or the whole stream', async () => {
    const stream = newStream()
    await fill(stream, 10)
    await drainFirst(stream, 3)
    await redis.client.xgroup('DESTROY', stream, 'skydrain')
    expect(await drainFirst(stream, 6)).toBeUndefined()
    expect(await groupOf(stream)).toMatchObject({ consumers: 1, lag: 4 })
    await redis.client.del(stream)
    await fill(stream, 5)
    expect(await drainFirst(stream, 2)).toBeUndefined()
    expect(await groupOf(stream)).toMatchObject({ lag: 3 })
  })

  test('that cannot be moved is told and not thrown: no entry hangs on it', async () => {
    const error = await using(newStream(), connection => connection.moveGroup('1-0'))
    expect(error).toBeInstanceOf(Error)
  })

  /** Deletes entries as a drain does, and moves the group. */
  async function drainIds(connection: StreamConnection, from: number, to: number): Promise<void> {
    const ids = Array.from({ length: to - from + 1 }, (_, at) => `${from + at}-0`)
    await connection.deleteEntries(ids)
    expect(await connection.moveGroup(`${to}-0`)).toBeUndefined()
  }

  async function expectTrueLag(stream: string): Promise<string> {
    const { lag, 'last-delivered-id': position } = await groupOf(stream)
    expect(lag).toBe(await redis.client.xlen(stream))
    return String(position)
  }

  test('shows the true lag while ranges are drained side by side, in whatever order, and never goes back', async () => {
    const stream = newStream()
    await fill(stream, 100)
    await using(stream, async connection => {
      let before = '0-0'
      const steps = [
        [51, 60],
        [1, 10],
        [61, 70],
        [71, 71],
        [11, 20],
        [72, 100],
        [21, 49],
        [50, 50],
      ] as const
      for (const [from, to] of steps) {
        await drainIds(connection, from, to)
        const position = await expectTrueLag(stream)
        expect(compareIds(position, before)).toBeGreaterThanOrEqual(0)
        before = position
      }
    })
    expect(await redis.client.xlen(stream)).toBe(0)
    await redis.client.xadd(stream, '200-0', 'a', 'b')
    await expectTrueLag(stream)
  })

  test('is not made twice where the workers of two ranges make it in the same moment', async () => {
    for (let round = 0; round < 10; round += 1) {
      const stream = newStream()
      await fill(stream, 100)
      const worker = (first: number) =>
        using(stream, async connection => {
          for (let n = 0; n < 8; n += 1) await drainIds(connection, first + n * 5, first + n * 5 + 4)
        })
      await Promise.all([worker(1), worker(51)])
      await expectTrueLag(stream)
    }
  })

  test('stands right where another range was drained on while it was moved', async () => {
    const stream = newStream()
    await fill(stream, 100)
    await using(stream, async connection => {
      await drainIds(connection, 1, 10)
      await connection.deleteEntries(['11-0'])
      await redis.client.call('CLIENT', 'PAUSE', '60000', 'WRITE')
      const other = redis.client.duplicate()
      const theirs = other.xdel(stream, '70-0', '71-0')
      await expect.poll(() => clientsThatWait('xdel')).toBe(1)
      const moved = connection.moveGroup('11-0')
      await expect.poll(() => clientsThatWait('xgroup|setid')).toBe(1)
      await redis.client.call('CLIENT', 'UNPAUSE')
      expect([await theirs, await moved]).toEqual([2, undefined])
      await expectTrueLag(stream)
      other.disconnect()
    })
  })

  async function clientsThatWait(command: string): Promise<number> {
    const clients = String(await redis.client.client('LIST')).split('\n')
    return clients.filter(line => line.includes(` cmd=${command} `) && line.includes(' flags=b ')).length
  }
})
