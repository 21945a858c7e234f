import { describe, expect, test } from 'vitest'
import { eventTypes } from '../../src/records/event-type.ts'
import { routeEvent } from '../../src/records/route.ts'
import { DID, flatEvent, jetstreamEvent } from './entries.ts'

test('an event of either shape belongs on the stream of its collection', () => {
  for (const type of eventTypes) {
    expect(routeEvent(JSON.stringify(jetstreamEvent(type, {})))).toBe(type)
    expect(routeEvent(JSON.stringify(flatEvent(type, {})))).toBe(type)
    expect(
      routeEvent(`  ${JSON.stringify(jetstreamEvent(type, undefined, { operation: 'delete' }))}\r`),
    ).toBe(type)
  }
})

test('an event of ours with a mistake is routed, so that the drain can keep it', () => {
  expect(routeEvent('{"commit":{"collection":"app.bsky.feed.post"}}')).toBe('posts')
})

describe('no stream is for', () => {
  test.each([
    ['an empty line', ''],
    ['half a line', '{"did":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['an empty object', '{}'],
    ['an identity', JSON.stringify({ did: DID, time_us: 1, kind: 'identity', identity: { did: DID } })],
    ['an account', JSON.stringify({ did: DID, time_us: 1, kind: 'account', account: { active: true } })],
    [
      'another collection',
      JSON.stringify(jetstreamEvent('posts', {}, { collection: 'app.bsky.actor.profile' })),
    ],
    ['an inherited name', JSON.stringify(jetstreamEvent('posts', {}, { collection: 'constructor' }))],
    [
      'a collection that is a list',
      JSON.stringify(jetstreamEvent('posts', {}, { collection: ['app.bsky.feed.post'] })),
    ],
    ['a million brackets', '['.repeat(1_000_000)],
  ])('%s', (_name, line) => {
    expect(routeEvent(line)).toBe(undefined)
  })
})
