import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { codeOf, type Disk, nodeDisk as disk, diskError, makeFolderDurably } from '../../src/dataset/disk.ts'
import { type ErrorCode, OperatingError } from '../../src/engine/errors.ts'
import { refusal } from './dataset-folder.ts'

let base: string
let missing: string
let file: string

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'skydrain disk-'))
  missing = join(base, 'nothing', 'here')
  file = join(base, 'a file')
  await writeFile(file, 'content')
})

afterAll(() => rm(base, { recursive: true, force: true }))

describe('what is not there', () => {
  test('reads as undefined, and as an empty folder', async () => {
    expect(await disk.read(missing)).toBeUndefined()
    expect(await disk.size(missing)).toBeUndefined()
    expect(await disk.changedAt(missing)).toBeUndefined()
    expect(await disk.list(missing)).toEqual([])
    expect(await disk.listAll(missing)).toEqual([])
  })

  test('is removed already', async () => {
    await disk.removeFile(missing)
    expect(await disk.removeFolder(missing)).toBe(true)
  })

  test('cannot be written to, synced, linked, renamed or made a folder in: the error keeps ENOENT', async () => {
    const calls = [
      () => disk.writeFile(missing, ''),
      () => disk.appendFile(missing, ''),
      () => disk.syncFile(missing),
      () => disk.syncFolder(missing),
      () => disk.link(missing, join(base, 'linked')),
      () => disk.rename(missing, join(base, 'renamed')),
      () => disk.makeFolder(missing),
      () => disk.checkWritable(missing),
    ]
    for (const call of calls) {
      const error = await call().catch((thrown: unknown) => thrown)
      expect(error, String(call)).toBeInstanceOf(OperatingError)
      expect(codeOf(error), String(call)).toBe('ENOENT')
    }
  })
})

test('a file is read with its size and the time of its change', async () => {
  expect(await disk.read(file)).toEqual(Buffer.from('content'))
  expect(await disk.size(file)).toBe(7)
  expect(await disk.changedAt(file)).toBe((await stat(file)).mtimeMs)
})

test('writeFile makes a new file and never writes over one', async () => {
  const path = join(base, 'written')
  await disk.writeFile(path, Buffer.from([0, 255]))
  expect(await readFile(path)).toEqual(Buffer.from([0, 255]))
  await expect(disk.writeFile(path, 'other')).rejects.toSatisfy(error => codeOf(error) === 'EEXIST')
  expect(await disk.size(path)).toBe(2)
})

test('appendFile adds to a file, and makes it', async () => {
  const path = join(base, 'appended')
  await disk.appendFile(path, 'one\n')
  await disk.appendFile(path, 'two\n')
  expect(String(await disk.read(path))).toBe('one\ntwo\n')
})

test('link gives a second name, and fails with EEXIST where that is taken, changing nothing', async () => {
  const [first, second, name] = [join(base, 'first'), join(base, 'second'), join(base, 'the name')]
  await disk.writeFile(first, 'first')
  await disk.writeFile(second, 'second')
  await disk.link(first, name)
  await expect(disk.link(second, name)).rejects.toSatisfy(error => codeOf(error) === 'EEXIST')
  expect(String(await disk.read(name))).toBe('first')
  await disk.removeFile(first)
  expect(String(await disk.read(name))).toBe('first')
})

test('rename moves a file, and where there is none says ENOENT', async () => {
  const [from, to] = [join(base, 'from'), join(base, 'to')]
  await disk.writeFile(from, 'moved')
  await disk.rename(from, to)
  expect(String(await disk.read(to))).toBe('moved')
  await expect(disk.rename(from, to)).rejects.toSatisfy(error => codeOf(error) === 'ENOENT')
  expect(String(await disk.read(to))).toBe('moved')
})

test('makeFolder tells whether it made it, removeFolder whether it is gone', async () => {
  const folder = join(base, 'folder')
  expect(await disk.makeFolder(folder)).toBe(true)
  expect(await disk.makeFolder(folder)).toBe(false)
  await disk.writeFile(join(folder, 'in it'), '')
  expect(await disk.removeFolder(folder)).toBe(false)
  await disk.removeFile(join(folder, 'in it'))
  expect(await disk.removeFolder(folder)).toBe(true)
  expect(await disk.size(folder)).toBeUndefined()
})

test('listAll finds every file below a folder, list the names in it', async () => {
  const folder = join(base, 'tree')
  await mkdir(join(folder, 'a b', 'c'), { recursive: true })
  for (const path of ['top', 'a b/in', 'a b/c/deep']) await writeFile(join(folder, path), '')
  expect((await disk.listAll(folder)).toSorted()).toEqual(['a b/c/deep', 'a b/in', 'top'])
  expect((await disk.list(folder)).toSorted()).toEqual(['a b', 'top'])
})

test('makeFolderDurably makes each missing parent, and syncs the folder of each name up to the root', async () => {
  const calls: string[] = []
  const trace = (name: string, path: string) => calls.push(`${name} ${path.slice(base.length)}`)
  const wrapped: Disk = {
    ...disk,
    makeFolder: path => {
      trace('make', path)
      return disk.makeFolder(path)
    },
    syncFolder: path => {
      trace('sync', path)
      return disk.syncFolder(path)
    },
  }
  const expected = ['make /r', 'sync ', 'make /r/s', 'sync /r', 'make /r/s/t', 'sync /r/s']
  await makeFolderDurably(wrapped, base, join(base, 'r/s/t'))
  expect(calls).toEqual(expected)
  // Somebody else may have made them a moment ago and not have synced them yet.
  await makeFolderDurably(wrapped, base, join(base, 'r/s/t'))
  expect(calls).toEqual([...expected, ...expected])
})

describe('a failure is told as a sentence that says what and what to do', () => {
  test.each<[string, ErrorCode, string]>([
    ['ENOSPC', 'disk-full', 'Free some space and run again'],
    ['EDQUOT', 'disk-full', 'Free some space and run again'],
    ['EACCES', 'disk-refused', 'Give this user the right to write there'],
    ['EPERM', 'disk-refused', 'Give this user the right to write there'],
    ['EROFS', 'disk-refused', 'Give this user the right to write there'],
    ['EIO', 'disk-error', 'run again when the cause is mended'],
    ['ENOTDIR', 'disk-refused', 'Set DATA_DIR to a folder'],
  ])('%s is %s', (code, expected, advice) => {
    const cause = Object.assign(new Error('from the system'), { code })
    const error = diskError(cause, '/the/path')
    expect(error).toMatchObject({ code: expected, cause, retry: false, exitCode: 1 })
    expect(error.message).toContain(`${code} at /the/path`)
    expect(error.message).toContain(advice)
    expect(codeOf(error)).toBe(code)
  })

  test('a writer that only says "no space left" has met a full disk', () => {
    expect(diskError('IO Error: No space left on device', '/p').code).toBe('disk-full')
  })

  test('a file where a folder should be', async () => {
    await expect(disk.writeFile(join(file, 'x'), '')).rejects.toSatisfy(
      refusal('disk-refused', 'ENOTDIR at .*a file/x'),
    )
    await expect(disk.read(join(file, 'x'))).rejects.toSatisfy(refusal('disk-refused', 'ENOTDIR'))
    await expect(disk.list(file)).rejects.toSatisfy(refusal('disk-refused', 'ENOTDIR'))
  })

  test('a folder that nobody may write to', async () => {
    // Not even root makes folders there.
    await expect(disk.makeFolder('/sys/skydrain')).rejects.toSatisfy(refusal('disk-refused', '/sys/skydrain'))
  })

  test.skipIf(process.getuid?.() === 0)('a folder without the right to write', async () => {
    const folder = join(base, 'read only')
    await mkdir(folder, { mode: 0o500 })
    await expect(disk.checkWritable(folder)).rejects.toSatisfy(refusal('disk-refused', 'EACCES'))
    await expect(disk.writeFile(join(folder, 'x'), '')).rejects.toSatisfy(refusal('disk-refused', 'EACCES'))
    await chmod(folder, 0o700)
  })
})
