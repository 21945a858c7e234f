import type { PartitionFile, WriterOptions } from '../flows/parquet-port.ts'
import { type Row, SCHEMA_VERSION } from '../records/columns.ts'
import type { EventType } from '../records/event-type.ts'
import { partitionOf } from '../records/partition.ts'
import { compareIds, type EntryId } from '../records/stream-entry.ts'

/** What becomes a file: the count and the ids of the rows of one partition. */
export type Partition = {
  /** Counts from 0 within a writer, in the order in which partitions appear. */
  readonly index: number
  readonly name: string
  rows: number
  firstId: EntryId
  lastId: EntryId
}

/** Sorts rows into partitions and counts them. */
export class Partitions {
  readonly #type: EventType
  readonly #byName = new Map<string, Partition>()

  constructor(type: EventType) {
    this.#type = type
  }

  /** Counts the row in and returns its partition. */
  add(row: Row): Partition {
    const { stream_id: id, event_time: time } = row
    if (typeof id !== 'string' || typeof time !== 'number') {
      throw new TypeError(`A row of ${this.#type} has the stream_id ${id} and the event_time ${time}`)
    }
    const name = partitionOf(this.#type, time)
    const partition = this.#byName.get(name)
    if (partition === undefined) return this.#open(name, id)

    partition.rows += 1
    if (compareIds(id, partition.lastId) > 0) partition.lastId = id
    else if (compareIds(id, partition.firstId) < 0) partition.firstId = id
    return partition
  }

  all(): readonly Partition[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #open(name: string, id: EntryId): Partition {
    const partition = { index: this.#byName.size, name, rows: 1, firstId: id, lastId: id }
    this.#byName.set(name, partition)
    return partition
  }
}

/** Not `.parquet`: until a file is committed and published, no reader's glob may see it. */
export function stagedPath(folder: string, { index }: Partition): string {
  return `${folder}/${index}.part`
}

/** The key-value metadata of a partition's file. */
export function metadataOf(
  { run, stream }: WriterOptions,
  { firstId, lastId }: Partition,
): Readonly<Record<string, string>> {
  return {
    'skydrain.run': run,
    'skydrain.stream': stream,
    'skydrain.first_id': firstId,
    'skydrain.last_id': lastId,
    'skydrain.schema_version': String(SCHEMA_VERSION),
  }
}

export function fileOf(path: string, { name, rows, firstId, lastId }: Partition): PartitionFile {
  return { path, partition: name, rows, firstId, lastId }
}
