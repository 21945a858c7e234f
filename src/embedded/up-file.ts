import { randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { isSame, type Owner, parseOwner } from './claim.ts'

/** What other commands need to know of an `up` that runs. */
export type UpDescription = {
  readonly pid: number
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly redisUrl: string
  readonly queueRedisUrl: string
  /** Of the server's pages. */
  readonly url: string
  /** Of the embedded servers; none where both URLs name servers of somebody else. */
  readonly redisPids: readonly number[]
}

export type WrittenUp = { readonly owner: Owner; readonly up: UpDescription }

const NAME = 'up.json'

/** Written beside its name, then renamed: nobody reads half of it. For this user alone, since a URL may hold a password. */
export async function writeUpFile(
  stateDir: string,
  owner: Owner,
  up: Omit<UpDescription, 'pid'>,
): Promise<void> {
  const draft = join(stateDir, `${NAME}.draft-${randomUUID()}`)
  const text = `${JSON.stringify({ ...owner, ...up }, undefined, 2)}\n`
  try {
    await writeFile(draft, text, { flag: 'wx', mode: 0o600 })
    await rename(draft, join(stateDir, NAME))
  } finally {
    await rm(draft, { force: true })
  }
}

/** Undefined where the file is missing, may not be read, or holds anything else. */
export async function readUpFile(stateDir: string): Promise<WrittenUp | undefined> {
  try {
    return parseUp(JSON.parse(await readFile(join(stateDir, NAME), 'utf8')))
  } catch {
    // Whatever the reason is: there is nothing in it that a command could use.
    return undefined
  }
}

/** Removes the file where it is of this owner. */
export async function removeUpFile(stateDir: string, owner: Owner): Promise<void> {
  const written = await readUpFile(stateDir)
  if (written !== undefined && isSame(written.owner, owner)) await rm(join(stateDir, NAME), { force: true })
}

/** Removes the file and its drafts, whosever they are: for the one that has taken the folder over. */
export async function clearUpFiles(stateDir: string): Promise<void> {
  const names = (await readdir(stateDir)).filter(it => it === NAME || it.startsWith(`${NAME}.draft-`))
  await Promise.all(names.map(name => rm(join(stateDir, name), { recursive: true, force: true })))
}

function parseUp(value: unknown): WrittenUp | undefined {
  const owner = parseOwner(value)
  if (owner === undefined) return undefined
  const { startedAt, redisUrl, queueRedisUrl, url, redisPids } = value as Readonly<Record<string, unknown>>
  if (typeof startedAt !== 'string' || typeof redisUrl !== 'string') return undefined
  if (typeof queueRedisUrl !== 'string' || typeof url !== 'string' || !arePids(redisPids)) return undefined
  return { owner, up: { pid: owner.pid, startedAt, redisUrl, queueRedisUrl, url, redisPids } }
}

function arePids(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(it => typeof it === 'number')
}
