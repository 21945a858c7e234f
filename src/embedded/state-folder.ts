import { mkdir } from 'node:fs/promises'

import { OperatingError, toError } from '../engine/errors.ts'
import { claimFolder, isAlive } from './claim.ts'
import { endLeftBehind } from './left-behind.ts'
import { clearUpFiles, readUpFile, removeUpFile, type UpDescription, writeUpFile } from './up-file.ts'

export type StateClaim = {
  /** Tells other commands where everything is; again whenever it changes. */
  readonly write: (up: Omit<UpDescription, 'pid'>) => Promise<void>
  /** Gives the folder to the next `up`: only once the embedded servers have ended. Twice is fine. */
  readonly release: () => Promise<void>
}

/**
 * Makes this process the only `up` on a folder, which is made where it is missing. What an `up` that was killed
 * has left there is taken over, and its Redis servers have ended when this returns. Throws `already-running`,
 * `state-folder-unusable`, or `redis-not-started` where such a server does not end.
 */
export async function claimStateFolder(stateDir: string): Promise<StateClaim> {
  return await told(stateDir, async () => {
    await mkdir(stateDir, { recursive: true, mode: 0o700 })
    const { owner, release } = await claimFolder(stateDir)
    try {
      await clearUpFiles(stateDir)
      await endLeftBehind(stateDir)
    } catch (error) {
      await release()
      throw error
    }
    return {
      write: up => told(stateDir, () => writeUpFile(stateDir, owner, up)),
      release: () =>
        told(stateDir, async () => {
          await removeUpFile(stateDir, owner)
          await release()
        }),
    }
  })
}

/** The `up` that runs on a folder; undefined where there is none, whatever its file holds. */
export async function readRunningUp(stateDir: string): Promise<UpDescription | undefined> {
  const written = await readUpFile(stateDir)
  return written !== undefined && (await isAlive(written.owner)) ? written.up : undefined
}

/** What the file system refuses is told as a sentence about STATE_DIR. */
async function told<Result>(stateDir: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (thrown) {
    const cause = toError(thrown)
    if (cause instanceof OperatingError || !('syscall' in cause)) throw cause
    throw new OperatingError(
      'state-folder-unusable',
      `STATE_DIR cannot be used (${stateDir}: ${cause.message}). Let this user write there, make room, or set STATE_DIR to another folder.`,
      { cause },
    )
  }
}
