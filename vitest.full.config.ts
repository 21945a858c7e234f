import { defineConfig } from 'vitest/config'

/** What takes too long for every change. */
export default defineConfig({
  test: {
    include: ['test/full/**/*.full.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
  },
})
