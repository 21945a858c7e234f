import { join } from 'node:path'

import type { OpenParquet } from '../flows/dataset-port.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { rebuildEvent } from '../records/rebuild.ts'
import { compareIds, type EntryId } from '../records/stream-entry.ts'
import type { Dataset } from './dataset.ts'
import type { LiveFile } from './stream-log.ts'

type Tools = { readonly dataset: Dataset; readonly openParquet: OpenParquet }

export type DoubledRows = {
  readonly count: number
  readonly problems: readonly { readonly path: string; readonly message: string }[]
}

/**
 * Finds rows that stand in more than one file. The same id with other content is none: that is how an entry of
 * a split brain is kept. Files whose ids do not meet cannot share one, so that only those that meet are held in
 * memory together. `damaged` files are left out; they are told already.
 */
export async function doubledRows(
  { dataset, openParquet }: Tools,
  live: readonly LiveFile[],
  damaged: readonly { readonly path: string }[],
  signal: AbortSignal,
): Promise<DoubledRows> {
  const unreadable = new Set(damaged.map(({ path }) => path))
  const problems: { path: string; message: string }[] = []
  let count = 0
  for (const type of eventTypes) {
    const files = live.filter(file => !file.rejected && isOfType(file, type))
    for (const group of groupsThatMeet(
      files.filter(file => !unreadable.has(join(dataset.folder, file.path))),
    )) {
      signal.throwIfAborted()
      for (const [id, paths] of await sharedIds(group, file => readIds(file))) {
        const doubled = await equalRows(type, id, paths)
        count += doubled
        if (doubled > 0)
          problems.push({ path: paths.join(', '), message: `The entry ${id} stands there twice.` })
      }
    }
  }
  return { count, problems }

  async function readIds(file: LiveFile): Promise<readonly EntryId[]> {
    return await (await openParquet()).readIds(join(dataset.folder, file.path))
  }

  async function equalRows(type: EventType, id: EntryId, paths: readonly string[]): Promise<number> {
    const parquet = await openParquet()
    const contents: string[] = []
    for (const path of paths) {
      for (const row of await parquet.readRows(join(dataset.folder, path), type, [id])) {
        const { text, fields } = rebuildEvent(type, row)
        contents.push(JSON.stringify([text, fields]))
      }
    }
    return contents.length - new Set(contents).size
  }
}

function isOfType(file: LiveFile, type: EventType): boolean {
  return file.path.includes(`/type=${type}/`)
}

/** The ids that more than one file of a group holds, with those files. */
async function sharedIds(
  group: readonly LiveFile[],
  readIds: (file: LiveFile) => Promise<readonly EntryId[]>,
): Promise<ReadonlyMap<EntryId, readonly string[]>> {
  const shared = new Map<EntryId, string[]>()
  if (group.length < 2) return shared
  const seenIn = new Map<EntryId, string>()
  for (const file of group) {
    for (const id of await readIds(file)) {
      const before = seenIn.get(id)
      if (before === undefined) seenIn.set(id, file.path)
      else shared.set(id, [...(shared.get(id) ?? [before]), file.path])
    }
  }
  return shared
}

/** Files in groups whose ranges of ids meet, directly or through others of the group. */
function groupsThatMeet(files: readonly LiveFile[]): readonly (readonly LiveFile[])[] {
  const sorted = [...files].sort((a, b) => compareIds(a.first, b.first))
  const groups: LiveFile[][] = []
  let last: EntryId | undefined
  for (const file of sorted) {
    if (last === undefined || compareIds(file.first, last) > 0) groups.push([])
    groups.at(-1)?.push(file)
    if (last === undefined || compareIds(file.last, last) > 0) last = file.last
  }
  return groups
}
