import { join } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import type { OpenParquet } from '../flows/dataset-port.ts'
import type { RejectedFileInfo, RejectedPort } from '../flows/rejected-port.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { StagingAttempt } from './attempt.ts'
import type { Dataset } from './dataset.ts'
import type { Disk } from './disk.ts'
import { linesOf } from './known-entries.ts'
import { readSoundLog } from './read-log.ts'
import { StreamLog } from './stream-log.ts'

/** The rejected files that the log says are in the dataset. */
export function rejectedFiles(
  dataset: Dataset,
  { disk, openParquet, now }: { disk: Disk; openParquet: OpenParquet; now: () => number },
): RejectedPort {
  const list = (type: EventType) => listRejected(disk, dataset, type)
  return {
    list,
    read: async path => {
      const all = (await Promise.all(eventTypes.map(list))).flat()
      const found = onlyOne(all, path)
      const content = await disk.read(join(dataset.folder, found.path))
      if (content !== undefined) return linesOf(content.toString())
      throw new OperatingError(
        'file-gone',
        `${found.path} is in the log and not on the disk. Restore it from a backup of DATA_DIR; bin/skydrain verify lists what else is missing.`,
      )
    },
    replace: async ({ type, path, run, staged }) => {
      const log = await StreamLog.open({ disk, root: dataset.folder, stream: dataset.streams[type] })
      await log.catchUp()
      if (!(await log.liveFiles()).some(file => file.path === path)) return { state: 'overtaken' }
      const attempt = new StagingAttempt({ log, type, run, openParquet, now })
      try {
        await attempt.append(staged)
        return await attempt.replace([path])
      } finally {
        await attempt.drop()
      }
    },
  }
}

async function listRejected(
  disk: Disk,
  dataset: Dataset,
  type: EventType,
): Promise<readonly RejectedFileInfo[]> {
  const { live } = await readSoundLog({ disk, root: dataset.folder, stream: dataset.streams[type] })
  return [...live.values()]
    .filter(file => file.rejected)
    .map(({ path, rows, bytes }) => ({ type, path, entries: rows, bytes }))
}

function onlyOne(files: readonly RejectedFileInfo[], name: string): RejectedFileInfo {
  const found = files.filter(({ path }) => path === name || path.includes(name))
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  throw new OperatingError(
    'file-gone',
    `'${name}' names ${found.length === 0 ? 'no rejected file' : `${found.length} rejected files`} of this dataset. bin/skydrain rejected ls lists them.`,
  )
}
