import { describe, expect, test } from 'vitest'

import { OperatingError } from '../../src/engine/errors.ts'
import type { StreamsPort } from '../../src/flows/streams-port.ts'
import type { StreamEntry } from '../../src/records/stream-entry.ts'
import { callsOf, fill, newStream, portOf, redis, useRedis, using } from './stream-server.ts'

useRedis('--appendonly', 'no')

const MB = 1024 * 1024
const LAST = '18446744073709551615'

/** Adds entries of so many bytes, after those that are there. */
async function addLarge(stream: string, count: number, bytes: number): Promise<void> {
  const data = Buffer.alloc(bytes, 'x')
  for (let n = 0; n < count; n += 1) await redis.client.xadd(stream, '*', 'data', data)
}

/** Reads a stream to its end as a drain and its retries do: on a new connection after a reply that was too large. */
async function readAll(port: StreamsPort, count: number) {
  const batches: (readonly StreamEntry[])[] = []
  let cuts = 0
  let from = '0-0'
  for (;;) {
    const connection = await port.connect('posts')
    try {
      for (;;) {
        const batch = await connection.read({ from, to: `${LAST}-${LAST}` }, count)
        if (batch.length === 0) return { batches, cuts, entries: batches.flat() }
        batches.push(batch)
        const [ms, seq] = (batch.at(-1)?.id ?? '').split('-')
        from = `${ms}-${BigInt(seq ?? 0) + 1n}`
      }
    } catch (error) {
      if (!(error instanceof OperatingError) || error.code !== 'reply-too-large') throw error
      expect(error.retry).toBe(true)
      expect(error.message).toMatch(/^\d+ entries of .* are more than 64 MB/)
      cuts += 1
      await expect(connection.read({ from, to: '9-9' }, 1)).rejects.toMatchObject({
        code: 'redis-unreachable',
      })
    } finally {
      await connection.close()
    }
  }
}

function largest(batches: readonly (readonly StreamEntry[])[]): number {
  return Math.max(
    ...batches.map(batch => batch.reduce((sum, { fields }) => sum + (fields[1]?.length ?? 0), 0)),
  )
}

describe('reading', () => {
  test('gives the entries of a range, both ends included, in order, with every byte of every field', async () => {
    const stream = newStream()
    await fill(stream, 10)
    const binary = [Buffer.from([0, 255, 254]), Buffer.from('a\r\nb'), Buffer.from(''), Buffer.from('é')]
    await redis.client.xadd(stream, '11-7', ...binary)
    await using(stream, async connection => {
      const batch = await connection.read({ from: '4-0', to: '6-0' }, 100)
      expect(batch.map(({ id }) => id)).toEqual(['4-0', '5-0', '6-0'])
      expect(batch[0]?.fields.map(String)).toEqual(['data', 'entry 4-0'])
      expect(await connection.read({ from: '11-0', to: `${LAST}-${LAST}` }, 100)).toEqual([
        { id: '11-7', fields: binary },
      ])
      expect(await connection.read({ from: '12-0', to: '13-0' }, 100)).toEqual([])
      expect(await connection.read({ from: '1-0', to: '10-0' }, 4)).toHaveLength(4)
    })
  })

  test('asks for more as it learns that entries are small, up to what it was asked for', async () => {
    const stream = newStream()
    await fill(stream, 6_000)
    const { batches, cuts } = await readAll(portOf(stream), 2_000)
    expect(cuts).toBe(0)
    expect(batches.map(batch => batch.length)).toEqual([100, 400, 1_600, 2_000, 1_900])
  })

  test('takes no reply over 64 MB: it is cut, and read again with fewer entries', async () => {
    const stream = newStream()
    await addLarge(stream, 90, MB)
    const warnings: string[] = []
    const note = ({ name }: Error) => warnings.push(name)
    process.on('warning', note)
    const { batches, cuts, entries } = await readAll(portOf(stream), 2_000)
    process.off('warning', note)
    expect(warnings).toEqual([])
    expect(cuts).toBe(1)
    expect(entries).toHaveLength(90)
    expect(new Set(entries.map(({ id }) => id)).size).toBe(90)
    expect(largest(batches)).toBeLessThan(20 * MB)
    await redis.client.del(stream)
  })

  test('cuts a reply that passes 64 MB with its last bytes too, and says so', async () => {
    const stream = newStream()
    await addLarge(stream, 64, MB)
    await using(stream, async connection => {
      const read = connection.read({ from: '0-0', to: `${LAST}-${LAST}` }, 2_000)
      await expect(read).rejects.toMatchObject({ code: 'reply-too-large' })
    })
    await redis.client.del(stream)
  })

  test('finds its way where giant entries follow tiny ones, and tiny ones follow again', async () => {
    const stream = newStream()
    await fill(stream, 3_000)
    await addLarge(stream, 70, MB)
    const pipeline = redis.client.pipeline()
    for (let n = 0; n < 500; n += 1) pipeline.xadd(stream, '*', 'data', 'tiny')
    await pipeline.exec()
    const { batches, cuts, entries } = await readAll(portOf(stream), 20_000)
    expect(cuts).toBeGreaterThanOrEqual(1)
    expect(cuts).toBeLessThanOrEqual(5) // a run has six retries
    expect(entries).toHaveLength(3_570)
    expect(largest(batches)).toBeLessThanOrEqual(64 * MB)
    await redis.client.del(stream)
  })

  test('a single entry is read whatever its size', async () => {
    const stream = newStream()
    await addLarge(stream, 1, 100 * MB)
    const { entries } = await readAll(portOf(stream), 2_000)
    expect(entries.map(({ fields }) => fields[1]?.length)).toEqual([100 * MB])
    expect(entries[0]?.fields[1]?.equals(Buffer.alloc(100 * MB, 'x'))).toBe(true)
    await redis.client.del(stream)
  })
})

describe('deleting', () => {
  test('takes 1,000 ids a call, tells how many were there, and may be done twice', async () => {
    const stream = newStream()
    const ids = await fill(stream, 2_500)
    const before = await callsOf('xdel')
    await using(stream, async connection => {
      expect(await connection.deleteEntries(ids.slice(0, 2_400))).toBe(2_400)
      expect(await callsOf('xdel')).toBe(before + 3)
      expect(await connection.deleteEntries(ids.slice(0, 2_400))).toBe(0)
      expect(await connection.deleteEntries(ids)).toBe(100)
      expect(await connection.deleteEntries([])).toBe(0)
    })
    expect(await redis.client.xlen(stream)).toBe(0)
  })

  test('takes only what it is told to', async () => {
    const stream = newStream()
    await fill(stream, 5)
    await using(stream, connection => connection.deleteEntries(['2-0', '4-0', '9-9']))
    const left = await redis.client.xrange(stream, '-', '+')
    expect(left.map(([id]) => id)).toEqual(['1-0', '3-0', '5-0'])
  })

  test('one of many ids that fails is an error, not a smaller count', async () => {
    const stream = newStream()
    const ids = await fill(stream, 1_500)
    await using(stream, async connection => {
      await expect(connection.deleteEntries([...ids, 'no-id'])).rejects.toMatchObject({ code: 'redis-error' })
    })
  })
})
