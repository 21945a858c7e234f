import { afterAll, beforeAll, expect, test } from 'vitest'

import { perType } from '../../src/records/event-type.ts'
import { redisStreams } from '../../src/streams/redis-streams.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'

let redis: RedisServer
let other: RedisServer

beforeAll(async () => {
  redis = await startRedis()
  other = await startRedis()
})

afterAll(async () => {
  await redis?.stop()
  await other?.stop()
})

test('an entry that took the place of the one that was read, under its id and the same connection, is not deleted', async () => {
  await redis.client.xadd('s_posts', '5-1', 'data', 'one')
  await other.client.xadd('s_posts', '5-1', 'data', 'two')
  const streams = perType(type => `s_${type}`)
  const ownership = { datasetId: 'a-dataset', group: 'skydrain', allowOtherGroups: false }
  const connection = await redisStreams({ address: { url: redis.url }, streams, ownership }).connect('posts')
  await connection.inspect()
  expect(await connection.read({ from: '0-0', to: '9-9' }, 10)).toHaveLength(1)

  await redis.client.replicaof('127.0.0.1', other.port)
  while (!(await redis.client.info('replication')).includes('master_link_status:up')) {
    await redis.client.ping()
  }
  await redis.client.replicaof('NO', 'ONE')
  await expect(connection.deleteEntries(['5-1'])).rejects.toMatchObject({ code: 'redis-error', retry: true })
  expect(await redis.client.xrange('s_posts', '-', '+')).toEqual([['5-1', ['data', 'two']]])
  await connection.close()
})
