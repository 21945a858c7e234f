import { afterAll, assert, beforeAll, expect, test } from 'vitest'

import { fieldsOfPairs } from '../../src/records/entry-fields.ts'
import { type EventType, eventTypes } from '../../src/records/event-type.ts'
import { sameEntry } from '../../src/records/rebuild.ts'
import { entryOf, jetstreamEvent } from '../records/entries.ts'
import { hostileEntries } from '../records/hostile-entries.ts'
import { rowsOf } from './read-back.ts'
import { documentOf } from './skydrain.ts'
import { drained, lengths, noEntries, openWorld, type Place, verified, type World } from './world.ts'

type Added = {
  readonly id: string
  readonly type: EventType
  readonly fields: readonly Buffer[]
  readonly expect: string
}
type Shown = {
  readonly id: string
  readonly reason: string
  readonly message: string
  readonly fields: unknown
}
type Replayed = {
  readonly types: Readonly<Record<string, { entries: number; written: number; rejected: number }>>
}

/** Redis takes no entry without a field, and none with half a field. */
const possible = hostileEntries.filter(({ fields }) => fields.length > 0 && fields.length % 2 === 0)
const MEGABYTE = 1_000_000

let world: World
let place: Place
let added: Added[]

beforeAll(async () => {
  world = await openWorld()
  place = await world.place('hostile')
  added = []
  for (const type of eventTypes) await add(type, neighbour(type), 'row')
  for (const { type, fields, expect } of possible) {
    await add(type, fields, expect)
    await add(type, neighbour(type), 'row')
  }
  const giant = entryOf(jetstreamEvent('posts', { text: 'é'.repeat(10 * MEGABYTE) }))
  await add('posts', giant.fields, 'too-large')
  await add('posts', neighbour('posts'), 'row')
})

afterAll(() => world?.close())

function neighbour(type: EventType): readonly Buffer[] {
  return entryOf(jetstreamEvent(type, { text: `good neighbour ${added.length}` })).fields
}

async function add(type: EventType, fields: readonly Buffer[], outcome: string): Promise<void> {
  const id = await place.client.xadd(`${place.prefix}${type}`, '*', ...fields)
  added.push({ id: String(id), type, fields, expect: outcome })
}

const bad = () => added.filter(entry => entry.expect !== 'row')

async function shown(): Promise<Map<string, Shown>> {
  const found = new Map<string, Shown>()
  for (const { path } of documentOf<{ path: string }[]>(await place.run('rejected', 'ls', '--json'))) {
    for (const line of documentOf<Shown[]>(await place.run('rejected', 'show', '--json', path))) {
      assert(!found.has(line.id), `${line.id} is rejected twice`)
      found.set(line.id, line)
    }
  }
  return found
}

/** Every entry that should be a row is one, with all its content; returns how many rows there are. */
async function expectRows(entries: readonly Added[]): Promise<void> {
  for (const type of eventTypes) {
    const rows = new Map((await rowsOf(place.dataDir, type)).map(row => [row.stream_id, row]))
    const ofType = entries.filter(entry => entry.type === type)
    expect([...rows.keys()].sort()).toEqual(ofType.map(({ id }) => id).sort())
    for (const entry of ofType) {
      const row = rows.get(entry.id)
      assert(row !== undefined && sameEntry(type, row, entry), `${entry.id} of ${type} changed on its way`)
    }
  }
}

test('a run over every hostile entry completes: rows for the good, a reason for the bad, nothing left', async () => {
  const { state, types } = await drained(place)
  expect(state).toBe('Completed')
  for (const type of eventTypes) {
    const ofType = added.filter(entry => entry.type === type)
    const rejected = ofType.filter(entry => entry.expect !== 'row').length
    const counts = {
      read: ofType.length,
      written: ofType.length - rejected,
      rejected,
      deleted: ofType.length,
    }
    expect(types[type], type).toMatchObject(counts)
  }
  expect(await lengths(place)).toEqual(noEntries)
  await expectRows(added.filter(entry => entry.expect === 'row'))
  expect(await verified(place)).toMatchObject({ ok: true, rows: added.length - bad().length })
})

test('rejected ls and show give each bad entry back: its id, its reason, its fields byte for byte', async () => {
  const files = documentOf<{ entries: number; bytes: number }[]>(await place.run('rejected', 'ls', '--json'))
  expect(files.reduce((sum, file) => sum + file.entries, 0)).toBe(bad().length)
  const found = await shown()
  expect([...found.keys()].sort()).toEqual(
    bad()
      .map(({ id }) => id)
      .sort(),
  )
  for (const entry of bad()) {
    const line = found.get(entry.id)
    expect(line?.reason, entry.id).toBe(entry.expect)
    const back = fieldsOfPairs(line?.fields)
    assert(Buffer.concat([...back]).equals(Buffer.concat([...entry.fields])), `${entry.id} changed`)
    for (const [at, field] of entry.fields.entries()) {
      const isText = Buffer.from(field.toString()).equals(field)
      assert(JSON.stringify(line?.fields).includes('$base64') || isText, `${entry.id}, field ${at}`)
    }
  }
})

test('rejected show in a terminal’s form shows the start of each entry and no control character', async () => {
  const [file] = documentOf<{ path: string }[]>(await place.run('rejected', 'ls', '--json'))
  const { code, stdout } = await place.run('rejected', 'show', file?.path ?? '')
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(bad().length + 1)
  expect(lines.filter(line => line.length > 400)).toEqual([])
  expect(stdout).toMatch(/^\d+-\d+ +too-large .*… \([\d,]+ bytes\)$/m)
})

test('replay with a larger limit moves what fits into rows under its own id; a second one moves nothing', async () => {
  const large = place.with({ ENTRY_BYTES_MAX: '32MiB' })
  const fits = bad().filter(
    ({ expect, fields }) => expect === 'too-large' && fields.some(it => it.includes('{"did"')),
  )
  expect(fits).toHaveLength(2)
  const left = bad().length - fits.length

  const first = documentOf<Replayed>(await large.run('rejected', 'replay', '--json'))
  expect(first.types.posts).toEqual({ entries: bad().length, written: 2, rejected: left })
  const isRow = (entry: Added) => entry.expect === 'row' || fits.includes(entry)
  await expectRows(added.filter(isRow))
  expect((await shown()).size).toBe(left)
  const whole = { ok: true, rows: added.filter(isRow).length, duplicates: 0, missing: 0, problems: [] }
  expect(await verified(place)).toMatchObject(whole)

  const second = documentOf<Replayed>(await large.run('rejected', 'replay', '--json'))
  expect(second.types.posts).toEqual({ entries: left, written: 0, rejected: left })
  expect(await verified(place)).toMatchObject(whole)

  // Redis is rewound: what was replayed is known, row or not.
  const [again] = fits
  assert(again !== undefined)
  await place.client.del('hostile_posts')
  await place.client.xadd('hostile_posts', again.id, ...again.fields)
  expect((await drained(place)).types.posts).toMatchObject({
    read: 1,
    written: 0,
    rejected: 0,
    duplicates: 1,
  })
  expect(await verified(place)).toMatchObject(whole)
})
