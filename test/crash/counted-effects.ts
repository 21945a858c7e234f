import type { Disk } from '../../src/dataset/disk.ts'
import type { ParquetPort, PartitionWriter } from '../../src/flows/parquet-port.ts'
import type { StreamConnection, StreamsPort } from '../../src/flows/streams-port.ts'

/**
 * Called before each effect with its name. Effects come one after another, so what stands before one is also
 * what stands after the one before it.
 */
export type Step = (name: string) => void

const diskEffects = [
  'makeFolder',
  'writeFile',
  'appendFile',
  'syncFile',
  'syncFolder',
  'link',
  'rename',
  'removeFile',
  'removeFolder',
  'removeTree',
] as const satisfies readonly (keyof Disk)[]

/** The disk, with a step before each call that changes something. */
export function countedDisk(disk: Disk, step: Step): Disk {
  return counted(disk, diskEffects, 'disk', step)
}

export function countedStreams(streams: StreamsPort, step: Step): StreamsPort {
  return {
    connect: async type => {
      const connection = await streams.connect(type)
      const effects: readonly (keyof StreamConnection)[] = [
        'inspect',
        'claim',
        'read',
        'deleteEntries',
        'moveGroup',
      ]
      const { close } = connection
      return { ...counted(connection, effects, 'stream', step), close }
    },
  }
}

export function countedParquet(parquet: ParquetPort, step: Step): ParquetPort {
  return {
    ...parquet,
    openWriter: async options => {
      const writer = await parquet.openWriter(options)
      const bound: PartitionWriter = {
        append: rows => writer.append(rows),
        finish: () => writer.finish(),
        discard: () => writer.discard(),
      }
      return counted(bound, ['append', 'finish'], 'parquet', step)
    },
  }
}

function counted<Port extends object>(
  port: Port,
  effects: readonly (keyof Port)[],
  where: string,
  step: Step,
): Port {
  const wrapped: Port = { ...port }
  for (const effect of effects) {
    const call = port[effect]
    if (typeof call !== 'function') throw new Error(`${where}.${String(effect)} is no call`)
    const name = `${where}.${String(effect)}`
    Object.assign(wrapped, {
      [effect]: async (...words: readonly unknown[]) => {
        step(name)
        return (await call.apply(port, words)) as unknown
      },
    })
  }
  return wrapped
}
