import { expect, test } from 'vitest'

import { toldCursor } from '../../src/streams/told-cursor.ts'
import { redis, useRedis } from './stream-server.ts'

useRedis()

test('an event is for one server to tell, and the next to start knows how far they were', async () => {
  const [one, other] = [toldCursor({ url: redis.url }), toldCursor({ url: redis.url })]
  expect(await one.read()).toBeUndefined()
  expect([await one.claim('5-0'), await other.claim('5-0')]).toEqual([true, false])
  expect([await other.claim('6-0'), await one.claim('6-0')]).toEqual([true, false])
  expect(await toldCursor({ url: redis.url }).read()).toBe('6-0')
})

test('where Redis cannot be asked, every server tells', async () => {
  const cursor = toldCursor({ url: 'redis://127.0.0.1:1' })
  expect(await cursor.read()).toBeUndefined()
  expect(await cursor.claim('5-0')).toBe(true)
})
