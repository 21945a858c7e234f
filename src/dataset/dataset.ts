import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { codeOf, type Disk, makeFolderDurably } from './disk.ts'
import { DATASET_FILE, LAYOUT_VERSION, STAGING_FOLDER } from './layout.ts'

/** The dataset in DATA_DIR, as `_dataset.json` describes it. */
export type Dataset = {
  readonly id: string
  /** DATA_DIR, absolute. */
  readonly folder: string
  readonly streams: Readonly<Record<EventType, string>>
}

/**
 * Opens the dataset in a folder; makes it where the folder holds none. Refuses, with a sentence, a folder that
 * cannot be written, a file system without hard links, an unknown layout version, and streams of other names
 * than the dataset was made with.
 */
export async function openDataset(
  disk: Disk,
  folder: string,
  streams: Readonly<Record<EventType, string>>,
): Promise<Dataset> {
  await makeFolders(disk, folder)
  await disk.checkWritable(folder)
  await probeLink(disk, folder)
  const found = (await readDataset(disk, folder)) ?? (await createDataset(disk, folder, streams))
  for (const type of eventTypes) {
    if (found.streams[type] !== streams[type]) {
      throw new OperatingError(
        'other-streams',
        `The dataset in ${folder} was made from the stream ${found.streams[type]} and STREAM_PREFIX now names ${streams[type]}. Set STREAM_PREFIX back, or DATA_DIR to another folder.`,
      )
    }
  }
  return found
}

/** The dataset of a folder; undefined where the folder holds none. For readers: changes nothing. */
export async function readDataset(disk: Disk, folder: string): Promise<Dataset | undefined> {
  const path = join(folder, DATASET_FILE)
  const text = await disk.read(path)
  if (text === undefined) return undefined
  const content = parseDescription(text.toString())
  if (
    content?.layout_version === LAYOUT_VERSION &&
    typeof content.id === 'string' &&
    isStreams(content.streams)
  ) {
    return { id: content.id, folder, streams: content.streams }
  }
  throw new OperatingError(
    'unknown-layout',
    `${path} says layout version ${JSON.stringify(content?.layout_version) ?? 'nothing readable'}; this version of skydrain knows ${LAYOUT_VERSION}. Use the version that made the dataset, restore the file, or set DATA_DIR to another folder.`,
  )
}

/** Two processes may do this at once: the first link wins, and both then read the same file. */
async function createDataset(
  disk: Disk,
  folder: string,
  streams: Readonly<Record<EventType, string>>,
): Promise<Dataset> {
  const id = randomUUID()
  const draft = join(folder, STAGING_FOLDER, `dataset-${id}.json`)
  await disk.writeFile(draft, `${JSON.stringify({ id, layout_version: LAYOUT_VERSION, streams }, null, 2)}\n`)
  try {
    await disk.link(draft, join(folder, DATASET_FILE))
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  await disk.syncFolder(folder)
  await disk.removeFile(draft)
  const dataset = await readDataset(disk, folder)
  if (dataset === undefined) throw new Error(`${DATASET_FILE} vanished as soon as it was made`)
  return dataset
}

/** A commit is decided by link(2): a file system that cannot do it cannot hold a dataset. */
async function probeLink(disk: Disk, folder: string): Promise<void> {
  const probe = join(folder, STAGING_FOLDER, `probe-${randomUUID()}`)
  await disk.writeFile(probe, '')
  try {
    await disk.link(probe, `${probe}-linked`)
  } catch (cause) {
    throw new OperatingError(
      'no-hard-links',
      `The file system of DATA_DIR (${folder}) cannot make hard links (${codeOf(cause)}), by which a commit is decided. Set DATA_DIR to a folder on a file system that can, such as ext4, XFS or APFS.`,
      { cause },
    )
  } finally {
    await disk.removeFile(`${probe}-linked`)
    await disk.removeFile(probe)
  }
}

/** Parents that were there before are not ours to fsync; what is made here comes to stay at once. */
async function makeFolders(disk: Disk, folder: string): Promise<void> {
  let root = folder
  while (root !== dirname(root) && (await disk.changedAt(root)) === undefined) root = dirname(root)
  await makeFolderDurably(disk, root, folder)
  await makeFolderDurably(disk, folder, join(folder, STAGING_FOLDER))
}

function parseDescription(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined
  } catch {
    return undefined
  }
}

function isStreams(value: unknown): value is Record<EventType, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    eventTypes.every(type => typeof Object.getOwnPropertyDescriptor(value, type)?.value === 'string')
  )
}
