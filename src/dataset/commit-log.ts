import type { CommitLog, DatasetPort, OpenParquet } from '../flows/dataset-port.ts'
import type { EventType } from '../records/event-type.ts'
import { StagingAttempt } from './attempt.ts'
import { cleanUp } from './clean-up.ts'
import type { Dataset } from './dataset.ts'
import type { Disk } from './disk.ts'
import { settle } from './known-entries.ts'
import { StreamLog } from './stream-log.ts'

export type CommitLogTools = {
  readonly disk: Disk
  readonly openParquet: OpenParquet
  readonly now: () => number
}

/** The dataset as a drain uses it. */
export function commitLogs(dataset: Dataset, tools: CommitLogTools): DatasetPort {
  return { openLog: type => openCommitLog(dataset, tools, type) }
}

async function openCommitLog(dataset: Dataset, tools: CommitLogTools, type: EventType): Promise<CommitLog> {
  const { disk, openParquet, now } = tools
  const log = await StreamLog.open({ disk, root: dataset.folder, stream: dataset.streams[type] })
  return {
    catchUp: () => log.catchUp(),
    cleanUp: run => cleanUp(log, type, run, now()),
    settle: entries => settle({ log, type, openParquet }, entries),
    begin: async run => new StagingAttempt({ log, type, run, openParquet, now }),
    fold: () => log.fold(),
  }
}
