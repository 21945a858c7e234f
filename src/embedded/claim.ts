import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { OperatingError, toError } from '../engine/errors.ts'
import { processTable } from './process-table.ts'

/** One process, also after its pid was given to another one. */
export type Owner = { readonly pid: number; readonly processStart: string }

/** A folder that is ours until `release`. */
export type Claim = { readonly owner: Owner; readonly release: () => Promise<void> }

/** The calls that a claim makes on its folder: each is one step, between any two of which others may take theirs. */
export type ClaimFiles = {
  readonly list: (folder: string) => Promise<readonly string[]>
  readonly read: (path: string) => Promise<string>
  readonly write: (path: string, content: string) => Promise<void>
  /** Gives a file a second name. Fails with EEXIST where that name is taken: the one decision. */
  readonly link: (existing: string, name: string) => Promise<void>
  readonly empty: (path: string) => Promise<void>
  /** Done already is done. */
  readonly remove: (path: string) => Promise<void>
}

export const claimFiles: ClaimFiles = {
  list: folder => readdir(folder),
  read: path => readFile(path, 'utf8'),
  write: (path, content) => writeFile(path, content, { flag: 'wx', mode: 0o644 }),
  link,
  empty: path => truncate(path),
  remove: path => rm(path, { force: true }),
}

/**
 * Takes a folder for this process, or throws `already-running` while a process that lives has it. No lock of the
 * system is needed, and none that a process which died could leave behind:
 *
 * A claim is the file `claim.<n>` that names its owner; the highest number counts. It is made whole beside its
 * name and then linked to it, which one of many does. `n + 1` may be taken once the owner of `n` has died or
 * has emptied its file. The highest file is never removed, so that the highest number only grows: whoever has
 * looked at an older state takes a number that is taken, or one that is not the highest, sees it, and looks again.
 *
 * Processes of another machine or container are not seen: they must not share the folder.
 */
export async function claimFolder(folder: string, files: ClaimFiles = claimFiles): Promise<Claim> {
  const owner = await thisProcess()
  for (;;) {
    const last = await lastNumber(files, folder)
    const earlier = await ownerOf(files, join(folder, nameOf(last)))
    if (earlier !== undefined && (await isAlive(earlier))) throw alreadyRunning(folder, earlier)
    const isOurs = await take(files, folder, last + 1, owner)
    if (!isOurs || (await lastNumber(files, folder)) !== last + 1) continue
    await removeEarlier(files, folder, last + 1)
    return { owner, release: () => release(files, join(folder, nameOf(last + 1)), owner) }
  }
}

export async function isAlive({ pid, processStart }: Owner): Promise<boolean> {
  return (await processTable.startOf(pid)) === processStart
}

/** Undefined where a value names no process. */
export function parseOwner(value: unknown): Owner | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!('pid' in value) || !('processStart' in value)) return undefined
  const { pid, processStart } = value
  return typeof pid === 'number' && typeof processStart === 'string' ? { pid, processStart } : undefined
}

export function isSame(one: Owner, other: Owner): boolean {
  return one.pid === other.pid && one.processStart === other.processStart
}

async function thisProcess(): Promise<Owner> {
  const { pid } = process
  const processStart = await processTable.startOf(pid)
  if (processStart === undefined) throw new Error(`the system knows no process ${pid}, which is this one`)
  return { pid, processStart }
}

const nameOf = (number: number) => `claim.${number}`

/** Of any other name, drafts for instance: 0. */
const numberOf = (name: string) => Number(/^claim\.([1-9]\d{0,14})$/.exec(name)?.[1] ?? 0)

/** The highest number in the folder; 0 where there is none. */
async function lastNumber(files: ClaimFiles, folder: string): Promise<number> {
  return Math.max(0, ...(await files.list(folder)).map(numberOf))
}

/** Nobody where the claim was released, is not there, or names no process after a power loss. */
async function ownerOf(files: ClaimFiles, path: string): Promise<Owner | undefined> {
  try {
    return parseOwner(JSON.parse(await files.read(path)))
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** False where another process has the number, or has taken our draft for one that was left behind. */
async function take(files: ClaimFiles, folder: string, number: number, owner: Owner): Promise<boolean> {
  const draft = join(folder, `claim.draft-${randomUUID()}`)
  try {
    await files.write(draft, `${JSON.stringify(owner)}\n`)
    await files.link(draft, join(folder, nameOf(number)))
    return true
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes(codeOf(error))) return false
    throw error
  } finally {
    await files.remove(draft)
  }
}

/** Removes lower numbers, and drafts: whoever misses his own looks again. */
async function removeEarlier(files: ClaimFiles, folder: string, number: number): Promise<void> {
  const names = (await files.list(folder)).filter(it => it.startsWith('claim.') && numberOf(it) < number)
  await Promise.all(names.map(name => files.remove(join(folder, name))))
}

/** Empties the file, and leaves its number taken. Does nothing where the folder was removed since. */
async function release(files: ClaimFiles, path: string, owner: Owner): Promise<void> {
  const found = await ownerOf(files, path)
  if (found !== undefined && isSame(found, owner)) await files.empty(path)
}

function alreadyRunning(folder: string, { pid }: Owner): OperatingError {
  return new OperatingError(
    'already-running',
    `A skydrain up (process ${pid}) runs on ${folder} already. Stop it, or set STATE_DIR to another folder.`,
  )
}

function codeOf(thrown: unknown): string {
  const error = toError(thrown)
  return 'code' in error ? String(error.code) : ''
}
