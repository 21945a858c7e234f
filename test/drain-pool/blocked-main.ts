import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { readConfig } from '../../src/config.ts'
import { DrainPool } from '../../src/drain-pool.ts'
import { FIRST_ID, LAST_ID } from '../../src/records/stream-entry.ts'

/**
 * Asks a pool for a drain of the likes, then holds the main thread, without one turn of its event loop, until
 * the log has records. Prints how many; ends with 1 where none come.
 */
const GIVES_UP_AFTER_MS = 30_000

const config = readConfig(process.env)
const pool = new DrainPool({ env: process.env, size: 1 })
const draining = pool.drain(
  {
    type: 'likes',
    range: { from: FIRST_ID, to: LAST_ID },
    run: 'a-run',
    readUntil: Number.POSITIVE_INFINITY,
  },
  { counts: () => undefined, warn: message => console.error(message) },
  new AbortController().signal,
)
// The pool posts its request in the next microtasks.
await Promise.resolve()

const records = holdUntilRecords(Date.now() + GIVES_UP_AFTER_MS)
process.stdout.write(`${records}\n`)
if (records === 0) process.exit(1)
await draining
await pool.close()

function holdUntilRecords(deadline: number): number {
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  while (Date.now() < deadline) {
    const count = recordsNow()
    if (count > 0) return count
    Atomics.wait(nobody, 0, 0, 10)
  }
  return 0
}

function recordsNow(): number {
  try {
    return readdirSync(join(config.dataDir, '_log', `${config.streamPrefix}likes`, '0000')).length
  } catch {
    return 0
  }
}
