import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { OperatingError, toError } from '../engine/errors.ts'

/** 7.0 is the first with an append-only file of several parts, and the first that a drain takes. */
const MAJOR_MIN = 7

const VERSION_LIMIT_MS = 10_000

const remedy = 'Run scripts/setup, which installs it, or install Redis 7.0 or newer.'

/** Throws `redis-not-started` where no redis-server is on the PATH, or only one that is too old. */
export async function checkRedisBinary(): Promise<void> {
  const told = await versionText()
  const version = / v=((\d+)[\w.-]*)/.exec(told)
  if (version === null) {
    throw new OperatingError('redis-not-started', `redis-server does not tell its version. ${remedy}`)
  }
  if (Number(version[2]) < MAJOR_MIN) {
    throw new OperatingError(
      'redis-not-started',
      `redis-server is ${version[1]}, which is too old. ${remedy}`,
    )
  }
}

async function versionText(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('redis-server', ['--version'], { timeout: VERSION_LIMIT_MS })
    return stdout
  } catch (thrown) {
    const cause = toError(thrown)
    const isMissing = 'code' in cause && cause.code === 'ENOENT'
    const what = isMissing ? 'is not on the PATH' : `cannot be run (${cause.message.split('\n', 1)[0]})`
    throw new OperatingError('redis-not-started', `redis-server ${what}. ${remedy}`, { cause })
  }
}
