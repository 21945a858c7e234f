import { join } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import type { OpenParquet } from '../flows/dataset-port.ts'
import type { RejectedPort } from '../flows/rejected-port.ts'
import { type EventType, eventTypes } from '../records/event-type.ts'
import { StagingAttempt } from './attempt.ts'
import type { Dataset } from './dataset.ts'
import type { Disk } from './disk.ts'
import { linesOf } from './known-entries.ts'
import { readSoundLog } from './read-log.ts'
import { checksumOf } from './staged-files.ts'
import { type LiveFile, StreamLog } from './stream-log.ts'

/** The rejected files that the log says are in the dataset. */
export function rejectedFiles(
  dataset: Dataset,
  { disk, openParquet, now }: { disk: Disk; openParquet: OpenParquet; now: () => number },
): RejectedPort {
  const live = (type: EventType) => liveRejected(disk, dataset, type)
  return {
    list: async type =>
      (await live(type)).map(({ path, rows, bytes }) => ({ type, path, entries: rows, bytes })),
    read: async path => {
      const all = (await Promise.all(eventTypes.map(live))).flat()
      const found = onlyOne(all, path)
      const content = await disk.read(join(dataset.folder, found.path))
      if (content === undefined) {
        throw new OperatingError(
          'file-gone',
          `${found.path} is in the log and not on the disk. Restore it from a backup of DATA_DIR; bin/skydrain verify lists what else is missing.`,
        )
      }
      if (checksumOf(content) !== found.checksum) {
        throw new OperatingError(
          'file-damaged',
          `${found.path} is not what was committed: somebody or the disk changed it. Restore it from a backup of DATA_DIR; a replay of what is left of it would lose the rest.`,
        )
      }
      return linesOf(content)
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

async function liveRejected(disk: Disk, dataset: Dataset, type: EventType): Promise<readonly LiveFile[]> {
  const { live } = await readSoundLog({ disk, root: dataset.folder, stream: dataset.streams[type] })
  return [...live.values()].filter(file => file.rejected)
}

function onlyOne(files: readonly LiveFile[], name: string): LiveFile {
  const found = files.filter(({ path }) => path === name || path.includes(name))
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  throw new OperatingError(
    'file-gone',
    `'${name}' names ${found.length === 0 ? 'no rejected file' : `${found.length} rejected files`} of this dataset. bin/skydrain rejected ls lists them.`,
  )
}
