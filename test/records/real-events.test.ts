import { existsSync, readFileSync } from 'node:fs'
import { assert, describe, expect, test } from 'vitest'
import { typeOf } from '../../src/records/event-type.ts'
import { isObject, type JsonObject } from '../../src/records/json.ts'
import { sameEntry } from '../../src/records/rebuild.ts'
import { routeEvent } from '../../src/records/route.ts'
import { cidOf } from './cid.ts'
import { entryOf, rebuiltJson, rowOf } from './entries.ts'

const data = new URL('../../../shared/data/', import.meta.url)
const isThere = existsSync(data)
if (!isThere) console.warn(`Skipped: there are no recorded events at ${data.pathname}`)

describe.skipIf(!isThere)('recorded events', () => {
  test.each([
    ['jetstream-sample.ndjson', 196],
    ['jetstream-derived.ndjson', 114],
  ])('of %s become rows and events again, and records hash to their cid', (file, count) => {
    const events = linesOf(file).flatMap(line => {
      const type = routeEvent(line)
      return type === undefined ? [] : [{ type, line }]
    })
    expect(events.length).toBe(count)
    for (const { type, line } of events) {
      const event = parsed(line)
      const entry = entryOf(line, [], `${Math.floor(Number(event.time_us) / 1000) + 40}-0`)
      const row = rowOf(type, entry)
      expect(row.event_time).toBe(event.time_us)
      expect(rebuiltJson(type, row)).toEqual(event)
      assert(sameEntry(type, row, entry))
      if (row.cid !== null) expect(cidOf(recordOf(rebuiltJson(type, row)))).toBe(row.cid)
    }
  })

  test('records in an envelope of ours hash to their cid after they were a row', () => {
    const lines = linesOf('records-sample.ndjson')
    expect(lines.length).toBe(2275)
    for (const line of lines) {
      const { uri, cid, record } = parsed(line)
      const [, , did, collection, rkey] = String(uri).split('/')
      const type = typeOf(collection)
      assert(type !== undefined && typeof cid === 'string')
      const commit = { rev: '3lawvnsupm222', operation: 'create', collection, rkey, record, cid }
      const event = { did, time_us: 1_795_298_700_123_456, kind: 'commit', commit }
      const row = rowOf(type, entryOf(event))
      expect(row.uri).toBe(uri)
      expect(rebuiltJson(type, row)).toEqual(event)
      expect(cidOf(recordOf(rebuiltJson(type, row)))).toBe(cid)
    }
  })

  test('other envelopes, accounts and identities belong on no stream', () => {
    for (const line of linesOf('jetstream-v2-sample.ndjson')) expect(routeEvent(line)).toBe(undefined)
    const kinds = linesOf('jetstream-sample.ndjson')
      .filter(line => routeEvent(line) === undefined)
      .map(line => parsed(line).kind)
    expect(new Set(kinds)).toEqual(new Set(['account', 'identity', 'commit']))
  })
})

function linesOf(file: string): readonly string[] {
  return readFileSync(new URL(file, data), 'utf8').trimEnd().split('\n')
}

function parsed(line: string): JsonObject {
  const json: unknown = JSON.parse(line)
  assert(isObject(json))
  return json
}

function recordOf(event: unknown): unknown {
  assert(isObject(event) && isObject(event.commit))
  return event.commit.record
}
