import { expect } from 'vitest'

import type { Ended } from './skydrain.ts'
import { filesBelow, lengths, type Place } from './world.ts'

export const RUN = ['run', 'data-writer', '--local']

/** A run ends with 1 and one sentence, takes no entry and leaves no file that a reader would see. */
export async function expectRefused(
  place: Place,
  sentence: RegExp,
  run: () => Promise<Ended> = () => place.run(...RUN),
): Promise<void> {
  const before = await lengths(place)
  const files = await filesBelow(place.dataDir, '.parquet')
  const { code, stderr } = await run()
  expect(stderr).toMatch(/^skydrain: [^\n]+\n$/)
  expect(stderr).toMatch(sentence)
  expect(code).toBe(1)
  expect(await lengths(place)).toEqual(before)
  expect(await filesBelow(place.dataDir, '.parquet')).toEqual(files)
}
