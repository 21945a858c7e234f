import { join } from 'node:path'

import { OperatingError } from '../engine/errors.ts'
import type { CommitRecord } from './commit-record.ts'
import { logFolder, numberOfRecord } from './layout.ts'
import { type LogFiles, readRecord } from './log-files.ts'
import { applyFiles, type LiveFile } from './stream-log.ts'

/** A whole log as it stands on disk, for those who only look: nothing is published, made durable or checked. */
export type WholeLog = {
  readonly records: readonly CommitRecord[]
  readonly live: ReadonlyMap<string, LiveFile>
  /** What cannot be read: a sentence each. Records behind a hole are still there. */
  readonly faults: readonly string[]
}

/** The whole log of those who would answer wrongly without a part of it. Throws where any of it cannot be read. */
export async function readSoundLog(log: LogFiles): Promise<WholeLog> {
  const whole = await readWholeLog(log)
  const [fault] = whole.faults
  if (fault === undefined) return whole
  throw new OperatingError(
    'unreadable-record',
    `${fault} bin/skydrain verify lists everything that is wrong.`,
  )
}

export async function readWholeLog(log: LogFiles): Promise<WholeLog> {
  const records: CommitRecord[] = []
  const live = new Map<string, LiveFile>()
  const faults: string[] = []
  const last = await lastNumber(log)
  for (let number = 1; number <= last; number += 1) {
    const record = await readOrFault(log, number, faults)
    if (record === undefined) continue
    if (record.number !== number || record.stream !== log.stream) {
      faults.push(`Record ${number} of ${log.stream} says that it is ${record.number} of ${record.stream}.`)
    }
    records.push(record)
    applyFiles(live, record)
  }
  return { records, live, faults }
}

async function readOrFault(
  log: LogFiles,
  number: number,
  faults: string[],
): Promise<CommitRecord | undefined> {
  try {
    const record = await readRecord(log, number)
    if (record === undefined) faults.push(`Record ${number} of ${log.stream} is missing.`)
    return record
  } catch (error) {
    if (!(error instanceof OperatingError) || error.code !== 'unreadable-record') throw error
    faults.push(error.message)
    return undefined
  }
}

async function lastNumber({ disk, root, stream }: LogFiles): Promise<number> {
  const names = await disk.listAll(join(root, logFolder(stream)))
  return names.reduce((last, name) => Math.max(last, numberOfRecord(name.split('/').at(-1) ?? '') ?? 0), 0)
}
