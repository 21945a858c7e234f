import { expect, test } from 'vitest'
import { partitionOf } from '../../src/records/partition.ts'

test('a row belongs to the UTC hour of its event_time', () => {
  const hour = Date.UTC(2026, 10, 21, 22) * 1000
  const folder = 'year=2026/month=11/day=21/hour=22/type=likes'
  expect(partitionOf('likes', hour)).toBe(folder)
  expect(partitionOf('likes', hour + 3_599_999_999)).toBe(folder)
  expect(partitionOf('likes', hour + 3_600_000_000)).toBe('year=2026/month=11/day=21/hour=23/type=likes')
  expect(partitionOf('likes', hour - 1)).toBe('year=2026/month=11/day=21/hour=21/type=likes')
})

test('the first and the last time that a row can have are partitions too', () => {
  expect(partitionOf('posts', 0)).toBe('year=1970/month=01/day=01/hour=00/type=posts')
  expect(partitionOf('posts', Number.MAX_SAFE_INTEGER)).toBe('year=2255/month=06/day=05/hour=23/type=posts')
})
