import { afterEach, describe, expect, test } from 'vitest'

import { callsOf, fill, newStream, redis, told, useRedis, using } from './stream-server.ts'

useRedis()

const inspect = (stream: string, options = {}) => using(stream, it => it.inspect(), options)

describe('inspecting a stream', () => {
  test('tells its length and the last id it ever gave, also after entries were deleted', async () => {
    const stream = newStream()
    await fill(stream, 5)
    await redis.client.xdel(stream, '5-0', '1-0')
    expect(await inspect(stream)).toMatchObject({ length: 3, lastGeneratedId: '5-0' })
  })

  test('one that is not there is an empty one, and is not made', async () => {
    const stream = newStream()
    expect(await inspect(stream)).toMatchObject({ length: 0, lastGeneratedId: '0-0' })
    expect(await redis.client.exists(stream)).toBe(0)
  })

  test('refuses a key that is no stream, by its name and with what to do', async () => {
    const stream = newStream()
    await redis.client.hset(stream, 'a', 'b')
    const isRefused = told(
      'wrong-key-type',
      new RegExp(`${stream} is no stream in Redis at redis://127.0.0.1:\\d+\\. Rename`),
    )
    await expect(inspect(stream)).rejects.toSatisfy(isRefused)
    expect(await redis.client.hgetall(stream)).toEqual({ a: 'b' })
  })

  test('refuses a stream with another consumer group, whose entries deleting would take, and touches nothing', async () => {
    const stream = newStream()
    await fill(stream, 2)
    await redis.client.xgroup('CREATE', stream, 'analytics', '0')
    await redis.client.xgroup('CREATE', stream, 'skydrain', '0')
    await expect(inspect(stream)).rejects.toSatisfy(
      told('foreign-group', /another consumer group, analytics, .*XGROUP DESTROY/),
    )
    expect(await redis.client.exists(`${stream}:skydrain`)).toBe(0)
    await redis.client.xgroup('DESTROY', stream, 'analytics')
    expect(await inspect(stream)).toMatchObject({ length: 2 })
  })

  test('refuses a stream that is drained into another dataset', async () => {
    const stream = newStream()
    await redis.client.set(`${stream}:skydrain`, 'their-dataset')
    const isRefused = told(
      'foreign-dataset',
      /another dataset \(their-dataset; this one is our-dataset\).*delete the key/,
    )
    await expect(inspect(stream)).rejects.toSatisfy(isRefused)
    expect(await redis.client.get(`${stream}:skydrain`)).toBe('their-dataset')
  })

  test('sets its mark once, for good', async () => {
    const stream = newStream()
    await fill(stream, 1)
    await inspect(stream)
    expect(await redis.client.get(`${stream}:skydrain`)).toBe('our-dataset')
    expect(await redis.client.ttl(`${stream}:skydrain`)).toBe(-1)
    const before = await callsOf('set')
    await inspect(stream)
    expect(await callsOf('set')).toBe(before)
  })

  test('of two datasets that come at once only one gets the stream', async () => {
    const stream = newStream()
    await fill(stream, 1)
    const ids = Array.from({ length: 8 }, (_, n) => `dataset-${n}`)
    const outcomes = await Promise.allSettled(ids.map(datasetId => inspect(stream, { datasetId })))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(ids[outcomes.findIndex(({ status }) => status === 'fulfilled')]).toBe(
      await redis.client.get(`${stream}:skydrain`),
    )
  })

  test('a mark that another dataset sets in the same moment is not written over', async () => {
    const stream = newStream()
    await redis.client.call('CLIENT', 'PAUSE', '60000', 'WRITE')
    const other = redis.client.duplicate()
    const theirs = other.set(`${stream}:skydrain`, 'their-dataset')
    const settersWaiting = async () => {
      const clients = String(await redis.client.client('LIST')).split('\n')
      return clients.filter(line => line.includes(' cmd=set ') && line.includes(' flags=b ')).length
    }
    await expect.poll(settersWaiting).toBe(1)
    const ours = inspect(stream).catch((error: unknown) => error)
    await expect.poll(settersWaiting).toBe(2)
    await redis.client.call('CLIENT', 'UNPAUSE')
    expect(await theirs).toBe('OK')
    expect(await ours).toSatisfy(told('foreign-dataset', /their-dataset/))
    expect(await redis.client.get(`${stream}:skydrain`)).toBe('their-dataset')
    other.disconnect()
  })

  test('with ALLOW_OTHER_GROUPS takes a stream whoever lives on it, and leaves no mark', async () => {
    const stream = newStream()
    await fill(stream, 2)
    await redis.client.xgroup('CREATE', stream, 'analytics', '0')
    expect(await inspect(stream, { allowOtherGroups: true })).toMatchObject({ length: 2 })
    expect(await redis.client.exists(`${stream}:skydrain`)).toBe(0)
    await redis.client.set(`${stream}:skydrain`, 'their-dataset')
    expect(await inspect(stream, { allowOtherGroups: true })).toMatchObject({ length: 2 })
  })
})

describe('a Redis that is full', () => {
  afterEach(() => redis.client.config('SET', 'maxmemory', '0'))

  test('is inspected, read and emptied all the same, though it takes no mark', async () => {
    const stream = newStream()
    const ids = await fill(stream, 300)
    await redis.client.config('SET', 'maxmemory', '1')
    await expect(redis.client.set('x', 'y')).rejects.toThrow('OOM')
    await using(stream, async connection => {
      expect(await connection.inspect()).toMatchObject({ length: 300 })
      expect(await connection.read({ from: '0-0', to: '300-0' }, 50)).toHaveLength(50)
      expect(await connection.deleteEntries(ids)).toBe(300)
      expect((await connection.moveGroup('300-0'))?.message).toMatch(/OOM/)
    })
    expect(await redis.client.xlen(stream)).toBe(0)
    expect(await redis.client.exists(`${stream}:skydrain`)).toBe(0)
  })
})
