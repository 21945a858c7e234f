import { expect, test } from 'vitest'

import { isAnyClaimed } from '../../src/streams/run-claim.ts'
import { newStream, portOf, redis, useRedis } from './stream-server.ts'

useRedis()

test('a stream counts as drained while a connection that claims it stands', async () => {
  const [stream, quiet] = [newStream(), newStream()]
  const asked = () => isAnyClaimed({ url: redis.url }, [quiet, stream])
  expect(await asked()).toBe(false)
  const connection = await portOf(stream).connect('posts')
  await connection.claim('a-run')
  expect(await asked()).toBe(true)
  await connection.close()
  expect(await asked()).toBe(false)
})

test('the claim of a process that was killed counts for nothing', async () => {
  const stream = newStream()
  await redis.client.set(`${stream}:skydrain:run`, 'a-run 999999')
  expect(await isAnyClaimed({ url: redis.url }, [stream])).toBe(false)
})

test('a server that is away is told', async () => {
  await expect(isAnyClaimed({ url: 'redis://127.0.0.1:1' }, ['a'])).rejects.toMatchObject({
    code: 'redis-unreachable',
  })
})
