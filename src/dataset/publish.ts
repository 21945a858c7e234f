import { dirname, join } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import type { CommitRecord, StagedFile } from './commit-record.ts'
import { codeOf, type Disk, makeFolderDurably } from './disk.ts'
import { attemptFolder } from './layout.ts'

/** The files that a record makes count, the rejected one included. */
export function filesOf(record: CommitRecord): readonly StagedFile[] {
  return record.rejected === null ? record.files : [...record.files, record.rejected]
}

/**
 * Gives a committed record's files their final names and makes these durable; for a `replace`, takes the
 * replaced files away first, so that no reader ever sees a row twice. Anyone may do it, twice, and at any
 * later time: a staged file that is gone counts as moved where the final one exists, or where `removedLater`
 * says that a later record took it away. Otherwise it throws `file-gone`.
 */
export async function publish(
  disk: Disk,
  root: string,
  record: CommitRecord,
  removedLater: (path: string) => Promise<boolean>,
): Promise<void> {
  const folders = new Set<string>()
  for (const path of record.removes) {
    await disk.removeFile(join(root, path))
    folders.add(dirname(join(root, path)))
  }
  await syncFolders(disk, folders)

  for (const file of filesOf(record)) {
    const folder = dirname(join(root, file.path))
    if (!folders.has(folder)) await makeFolderDurably(disk, root, folder)
    folders.add(folder)
    await moveIntoPlace(disk, root, record, file, removedLater)
  }
  await syncFolders(disk, folders)
  await removeStaging(disk, root, record)
}

async function moveIntoPlace(
  disk: Disk,
  root: string,
  record: CommitRecord,
  file: StagedFile,
  removedLater: (path: string) => Promise<boolean>,
): Promise<void> {
  try {
    await disk.rename(join(root, file.staged), join(root, file.path))
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    if ((await disk.size(join(root, file.path))) !== undefined) return
    if (await removedLater(file.path)) return
    throw new OperatingError(
      'file-gone',
      `${file.path}, committed by record ${record.number} of ${record.stream} with ${file.rows} rows, is in neither its place nor the staging folder. Restore it from a backup of DATA_DIR; bin/skydrain verify lists what else is missing.`,
      { cause: error },
    )
  }
}

/** A folder that a later record emptied may have been removed by a person: then there is nothing to sync. */
async function syncFolders(disk: Disk, folders: ReadonlySet<string>): Promise<void> {
  for (const folder of folders) {
    try {
      await disk.syncFolder(folder)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }
}

/** Only the drafts of the record are left there; whatever else should be, keeps the folder. */
async function removeStaging(disk: Disk, root: string, record: CommitRecord): Promise<void> {
  const folder = join(root, attemptFolder(record.stream, record.attempt))
  for (const name of await disk.list(folder)) {
    if (name.startsWith('record-')) await disk.removeFile(join(folder, name))
  }
  await disk.removeFolder(folder)
}
