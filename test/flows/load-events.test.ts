import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  type EventSink,
  type LoadProgress,
  loadGenerated,
  loadLines,
  splitLines,
} from '../../src/flows/load-events.ts'
import { type EventType, perType } from '../../src/records/event-type.ts'

const never = new AbortController().signal

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let start = 0, at = 0; start < bytes.length; at += 1) {
    const size = Math.max(1, sizes[at % sizes.length] ?? 1)
    yield bytes.subarray(start, start + size)
    start += size
  }
}

async function linesOf(bytes: Buffer, sizes: readonly number[] = [7]): Promise<Buffer[]> {
  const lines: Buffer[] = []
  for await (const line of splitLines(chunksOf(bytes, sizes))) lines.push(line)
  return lines
}

/** Keeps what it is given. Not a Redis: what goes there is tested with a real one, in test/streams. */
function sink(failAt = Number.POSITIVE_INFINITY) {
  const calls: { type: EventType; data: string | Buffer }[][] = []
  const port: EventSink = {
    add: async events => {
      if (calls.length === failAt) throw new Error('Redis is full')
      calls.push([...events])
    },
    added: () => perType(() => 0),
    close: async () => {},
  }
  return { calls, port }
}

const like = (n: number) =>
  JSON.stringify({ did: `did:plc:${n}`, kind: 'commit', commit: { collection: 'app.bsky.feed.like' } })

describe('lines', () => {
  test('are the same however the bytes come in chunks, and hold every byte', async () => {
    const anyLine = fc
      .uint8Array({ maxLength: 12 })
      .map(bytes => Buffer.from(bytes.filter(byte => byte !== 10)))
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyLine, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        async (lines, sizes, endsWithNewline) => {
          const text = lines.flatMap((line, at) => (at === 0 ? [line] : [Buffer.from('\n'), line]))
          const bytes = Buffer.concat([...text, Buffer.from(endsWithNewline ? '\n' : '')])
          expect(await linesOf(bytes, sizes)).toEqual(lines.filter(line => line.length > 0))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('end at \\n alone: U+2028, U+0085 and \\r stay inside', async () => {
    const text = 'a\u2028b\u2029c\u0085d\re'
    expect(await linesOf(Buffer.from(`${text}\n${text}`), [1])).toEqual([
      Buffer.from(text),
      Buffer.from(text),
    ])
  })

  test('nothing, and nothing but newlines, have no lines', async () => {
    expect(await linesOf(Buffer.alloc(0))).toEqual([])
    expect(await linesOf(Buffer.from('\n\n\n'), [2])).toEqual([])
  })
})

describe('loading lines', () => {
  test('puts each event on the stream of its type, byte for byte, and skips what belongs to none', async () => {
    const lines = [
      like(1),
      `  ${like(2)}  `,
      '{"kind":"identity","did":"x"}',
      'no json',
      '{"kind":"commit","commit":{"collection":"app.bsky.feed.generator"}}',
      '{"kind":"commit","commit":{"collection":"app.bsky.feed.post"},"text":"\u2028\\u0000"}',
    ].map(line => Buffer.from(line))
    const { calls, port } = sink()
    const told: LoadProgress[] = []
    const bytes = Buffer.from(`${lines.join('\n')}\n`)
    const result = await loadLines(splitLines(chunksOf(bytes, [5])), port, it => told.push(it), never)
    expect(result).toEqual({ skipped: 3 })
    expect(calls.flat()).toEqual([
      { type: 'likes', data: lines[0] },
      { type: 'likes', data: lines[1] },
      { type: 'posts', data: lines[5] },
    ])
    expect(told.at(-1)).toEqual({ loaded: 3, skipped: 3 })
  })

  test('puts 500 at a time, in order, and tells how far it is', async () => {
    const bytes = Buffer.from(Array.from({ length: 1_203 }, (_, n) => like(n)).join('\n'))
    const { calls, port } = sink()
    const told: number[] = []
    await loadLines(splitLines(chunksOf(bytes, [1_000])), port, ({ loaded }) => told.push(loaded), never)
    expect(calls.map(call => call.length)).toEqual([500, 500, 203])
    expect(calls.flat().map(({ data }) => String(data))).toEqual(
      Array.from({ length: 1_203 }, (_, n) => like(n)),
    )
    expect(told).toEqual([500, 1_000, 1_203])
  })

  test('stops at the first error of the streams, and at an abort', async () => {
    const bytes = Buffer.from(Array.from({ length: 1_203 }, (_, n) => like(n)).join('\n'))
    const failing = sink(1)
    const load = (port: EventSink, told: () => void, signal = never) =>
      loadLines(splitLines(chunksOf(bytes, [1_000])), port, told, signal)
    await expect(load(failing.port, () => undefined)).rejects.toThrow('Redis is full')
    expect(failing.calls).toHaveLength(1)

    const controller = new AbortController()
    const { calls, port } = sink()
    await expect(load(port, () => controller.abort(new Error('stop')), controller.signal)).rejects.toThrow(
      'stop',
    )
    expect(calls).toHaveLength(1)
  })
})

test('generated events are put as many as asked for, no more', async () => {
  const events = (function* () {
    for (let n = 0; ; n += 1) yield { type: 'likes' as const, data: like(n) }
  })()
  const { calls, port } = sink()
  await loadGenerated(events, { count: 501, ratePerSecond: undefined }, port, () => undefined, never)
  await loadGenerated(events, { count: 3, ratePerSecond: 100_000 }, port, () => undefined, never)
  expect(calls.map(call => call.length)).toEqual([500, 1, 3])
  expect(calls.flat().map(({ data }) => data)).toEqual(Array.from({ length: 504 }, (_, n) => like(n)))
})
