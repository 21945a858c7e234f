import { constants } from 'node:fs'
import { access, link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { OperatingError, toError } from '../engine/errors.ts'

/**
 * The calls the dataset makes on the file system, and nothing else makes. Each is one effect: a crash before
 * or after any of them leaves a dataset that the next run can go on from.
 */
export type Disk = {
  /** A file's bytes; undefined where there is no such file. */
  readonly read: (path: string) => Promise<Buffer | undefined>
  /** A file's size; undefined where there is no such file. */
  readonly size: (path: string) => Promise<number | undefined>
  /** The time of a file's or folder's last change, in milliseconds; undefined where there is none. */
  readonly changedAt: (path: string) => Promise<number | undefined>
  /** The names in a folder; none where there is no such folder. */
  readonly list: (folder: string) => Promise<readonly string[]>
  /** Every file below a folder, as paths relative to it. */
  readonly listAll: (folder: string) => Promise<readonly string[]>
  /** Makes a folder whose parent exists; true when it was not there. */
  readonly makeFolder: (path: string) => Promise<boolean>
  /** Writes a new file and fsyncs it. The name comes to stay only with `syncFolder`. */
  readonly writeFile: (path: string, content: string | Buffer) => Promise<void>
  /** Adds to a file; makes it where it is missing. Not fsynced. */
  readonly appendFile: (path: string, content: string) => Promise<void>
  readonly syncFile: (path: string) => Promise<void>
  readonly syncFolder: (path: string) => Promise<void>
  /** Gives a file a second name. Fails with EEXIST where that name is taken: the one atomic decision. */
  readonly link: (existing: string, name: string) => Promise<void>
  readonly rename: (from: string, to: string) => Promise<void>
  /** Removes a file; done already is done. */
  readonly removeFile: (path: string) => Promise<void>
  /** Removes an empty folder; done already is done. False where something is still in it. */
  readonly removeFolder: (path: string) => Promise<boolean>
  /** Removes a folder with all that is in it; done already is done. For staging that no record names. */
  readonly removeTree: (path: string) => Promise<void>
  readonly checkWritable: (folder: string) => Promise<void>
}

/**
 * The real file system. An error that a caller can act on keeps its Node code (`codeOf`); as a message it is
 * a sentence about DATA_DIR.
 */
export const nodeDisk: Disk = {
  read: path => unlessMissing(readFile(path), path),
  size: async path => (await unlessMissing(stat(path), path))?.size,
  changedAt: async path => (await unlessMissing(stat(path), path))?.mtimeMs,
  list: async folder => (await unlessMissing(readdir(folder), folder)) ?? [],
  listAll: folder => listAll(folder, ''),
  makeFolder: path => told(mkdir(path), path).then(() => true, unless('EEXIST', false)),
  writeFile: (path, content) => told(writeAndSync(path, content), path),
  appendFile: (path, content) => told(append(path, content), path),
  syncFile: path => told(sync(path), path),
  syncFolder: path => told(sync(path), path),
  link: (existing, name) => told(link(existing, name), name),
  rename: (from, to) => told(rename(from, to), to),
  removeFile: path => told(rm(path, { force: true }), path),
  removeFolder: path =>
    told(rmdir(path), path)
      .then(() => true, unless('ENOENT', true))
      .catch(unless('ENOTEMPTY', false)),
  removeTree: path => told(rm(path, { recursive: true, force: true }), path),
  checkWritable: folder => told(access(folder, constants.R_OK | constants.W_OK | constants.X_OK), folder),
}

/** The Node code of a failed call (`EEXIST`), also through the sentence that was made of it. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof OperatingError) return codeOf(error.cause)
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Says what a failed call means for the person who runs this. `path` is what the call was about. */
export function diskError(thrown: unknown, path: string): OperatingError {
  const cause = toError(thrown)
  const code = codeOf(cause) ?? (/no space left/i.test(cause.message) ? 'ENOSPC' : 'an unknown error')
  const where = `${code} at ${path}`
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new OperatingError(
      'disk-full',
      `The disk of DATA_DIR is full (${where}). Free some space and run again: what is not written yet is still on the streams.`,
      { cause },
    )
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new OperatingError(
      'disk-refused',
      `DATA_DIR may not be written (${where}). Give this user the right to write there, or set DATA_DIR to another folder.`,
      { cause },
    )
  }
  if (code === 'ENOTDIR') {
    return new OperatingError(
      'disk-refused',
      `A file stands where DATA_DIR needs a folder (${where}). Set DATA_DIR to a folder.`,
      { cause },
    )
  }
  return new OperatingError(
    'disk-error',
    `The disk of DATA_DIR failed (${where}: ${cause.message}). Nothing was deleted from the streams for it; run again when the cause is mended.`,
    { cause },
  )
}

/** Folder by folder: one that others remove meanwhile has nothing in it, and hides nothing of the rest. */
async function listAll(root: string, below: string): Promise<readonly string[]> {
  const folder = join(root, below)
  const entries = (await unlessMissing(readdir(folder, { withFileTypes: true }), folder)) ?? []
  const files: string[] = []
  for (const entry of entries) {
    const path = join(below, entry.name)
    if (entry.isDirectory()) files.push(...(await listAll(root, path)))
    else if (entry.isFile()) files.push(path)
  }
  return files
}

async function writeAndSync(path: string, content: string | Buffer): Promise<void> {
  await using file = await open(path, 'wx', 0o640)
  await file.writeFile(content)
  await file.sync()
}

async function append(path: string, content: string): Promise<void> {
  await using file = await open(path, 'a', 0o640)
  await file.writeFile(content)
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r')
  await file.sync()
}

/** Waits for a call and tells its failure as a sentence about `path`. */
async function told<Result>(call: Promise<Result>, path: string): Promise<Result> {
  try {
    return await call
  } catch (error) {
    throw diskError(error, path)
  }
}

async function unlessMissing<Result>(call: Promise<Result>, path: string): Promise<Result | undefined> {
  return await told(call, path).catch(unless('ENOENT', undefined))
}

/** Turns one expected error into a value; throws every other. */
function unless<Result>(code: string, result: Result): (error: unknown) => Result {
  return error => {
    if (codeOf(error) === code) return result
    throw error
  }
}

/** Makes a folder and every parent up to `root` come to stay, whoever made them and however far they came. */
export async function makeFolderDurably(disk: Disk, root: string, folder: string): Promise<void> {
  if (folder === root) return
  const parent = dirname(folder)
  await makeFolderDurably(disk, root, parent)
  await disk.makeFolder(folder)
  await disk.syncFolder(parent)
}
