import { expect, test } from 'vitest'

import {
  attemptFolder,
  checkpointPath,
  fileName,
  numberOfRecord,
  recordPath,
} from '../../src/dataset/layout.ts'

test('the log lies below _log, in folders of 10,000 records', () => {
  expect(recordPath('bluesky_posts', 42)).toBe('_log/bluesky_posts/0000/00000000000000000042.json')
  expect(recordPath('bluesky_posts', 9_999)).toBe('_log/bluesky_posts/0000/00000000000000009999.json')
  expect(recordPath('bluesky_posts', 10_000)).toBe('_log/bluesky_posts/0001/00000000000000010000.json')
  expect(recordPath('s', 123_456_789)).toBe('_log/s/12345/00000000000123456789.json')
  expect(checkpointPath('bluesky_posts')).toBe('_log/bluesky_posts/checkpoint.json')
})

test('a record is known by its name, and nothing else is taken for one', () => {
  expect(numberOfRecord('00000000000000000042.json')).toBe(42)
  for (const name of [
    'checkpoint.json',
    '42.json',
    '00000000000000000042.json.swp',
    '.00000000000000000042.json',
  ]) {
    expect(numberOfRecord(name)).toBeUndefined()
  }
})

test('no two attempts share a folder or the name of a file', () => {
  expect(attemptFolder('s', 'a')).toBe('_staging/s/a')
  expect(fileName('1-0', '2-5', 'a')).toBe('1-0_2-5_a')
  expect(fileName('1-0', '2-5', 'b')).not.toBe(fileName('1-0', '2-5', 'a'))
})
