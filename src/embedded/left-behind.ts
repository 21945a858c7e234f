import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { OperatingError, toError } from '../engine/errors.ts'
import { processTable } from './process-table.ts'

/** Which process serves a folder: kept there while it lives, for whoever comes after a process that was killed. */
export type ServerNote = { readonly pid: number; readonly port: number }

const NOTE = 'redis.pid'

/** A server that saves its data ends within a second; one that is suspended never does, and is killed. */
const END_LIMIT_MS = 5_000
const POLL_MS = 10

/** Synchronous, so that no server runs without its note but for an instant. */
export function rememberServer({ folder, pid, port }: ServerNote & { readonly folder: string }): void {
  writeFileSync(join(folder, NOTE), `${pid} ${port}\n`, { mode: 0o600 })
}

/**
 * Removes the note of a server that has ended; one that names another server by now stays. A note that cannot be
 * removed, on a disk that has become read-only for instance, does no harm: nobody answers to it.
 */
export function forgetServer(folder: string, pid: number): void {
  try {
    const path = join(folder, NOTE)
    if (readFileSync(path, 'utf8').startsWith(`${pid} `)) rmSync(path)
  } catch {
    // It is gone already, or it stays.
  }
}

/**
 * Ends the servers below a folder that outlived the process that started them, and waits until they are gone.
 * Only for whoever holds the claim on the folder. A process is touched only where its command line still is the
 * one of that server. Throws `redis-not-started` where one does not end.
 */
export async function endLeftBehind(stateDir: string): Promise<void> {
  const paths = await readdir(stateDir, { recursive: true })
  const notes = paths.filter(path => basename(path) === NOTE).map(path => join(stateDir, path))
  await Promise.all(notes.map(endNoted))
}

async function endNoted(path: string): Promise<void> {
  const note = /^([1-9]\d*) ([1-9]\d*)\n$/.exec(await readFile(path, 'utf8'))
  // Written half, by a process that was killed in that instant: it names nobody.
  if (note !== null) await end({ pid: Number(note[1]), port: Number(note[2]) })
  await rm(path, { force: true })
}

async function end(server: ServerNote): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (let waitedMs = 0; waitedMs < END_LIMIT_MS; waitedMs += POLL_MS) {
      if (!(await isThere(server))) return
      if (waitedMs === 0) send(signal, server.pid)
      await sleep(POLL_MS)
    }
  }
  throw stays(server)
}

/** Redis shows its address in its command line; for an instant after its start, the options that we gave it. */
async function isThere({ pid, port }: ServerNote): Promise<boolean> {
  const command = await processTable.commandOf(pid)
  return command !== undefined && new RegExp(`\\bredis-server\\b.*(:|--port )${port}\\b`).test(command)
}

function send(signal: NodeJS.Signals, pid: number): void {
  try {
    process.kill(pid, signal)
  } catch (thrown) {
    const cause = toError(thrown)
    // It has ended since we looked.
    if ('code' in cause && cause.code === 'ESRCH') return
    throw stays({ pid }, cause)
  }
}

function stays({ pid }: { readonly pid: number }, cause?: Error): OperatingError {
  return new OperatingError(
    'redis-not-started',
    `A Redis server that an earlier skydrain up left behind does not end (process ${pid}). End it by hand, then start again.`,
    cause && { cause },
  )
}
