import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { RunEvent } from '../../src/engine/run-event.ts'
import { noCounts } from '../../src/flows/drain-report.ts'
import type { Alert } from '../../src/slack/alerts.ts'
import { type Backlog, messageOf } from '../../src/slack/message.ts'
import { fails, runEnds, START, unreachable } from './run-events.ts'
import { expectWithinLimits, textsOf } from './slack-server.ts'

const around = { backlog: [], publicUrl: undefined }
const failure = (run: RunEvent): Alert => ({ kind: 'failure', run, failedRuns: 1 })
const recovery = (run: RunEvent, causes: ReadonlyMap<string, number>): Alert => ({
  kind: 'recovery',
  run,
  downMs: 21 * 60_000,
  failedRuns: 4,
  causes,
})

const result = {
  types: {
    posts: { ...noCounts, read: 1_234, written: 1_230, rejected: 4, deleted: 1_234, remaining: 41_212 },
    likes: { ...noCounts },
  },
  remaining: 41_212,
  failed: { posts: { message: 'away', code: 'redis-unreachable' } },
}

describe('a failure', () => {
  test('says which run failed, when, where and of what, in red', () => {
    const message = messageOf(failure({ ...unreachable(5), result }), around)
    expect(message.text).toBe(
      ':red_circle: data-writer failed: Redis at 127.0.0.1:6379 does not answer. Check REDIS_URL.',
    )
    expect(message.attachments).toMatchObject([{ color: '#D7263D', fallback: message.text }])
    const text = textsOf(message)
    const startedAt = (START + 5 * 60_000 - 12_340) / 1000
    for (const part of [
      '*Flow*\n`data-writer`',
      '*State*\nFailed',
      '*Run*\n`00000000-0000-4000-8000-000000000005`',
      `*Started*\n<!date^${Math.floor(startedAt)}^{date_short_pretty} {time_secs}|2026-11-21T22:04:47.660Z>`,
      '*Duration*\n12 s',
      '*Worker*\n`host-a:4711`',
      '*Failed in a row*\n1',
      '*Error*\n```\nRedis at 127.0.0.1:6379 does not answer. Check REDIS_URL.\n```',
    ]) {
      expect(text).toContain(part)
    }
  })

  test('says what each type did, and how many entries remain', () => {
    const text = textsOf(messageOf(failure({ ...unreachable(5), result }), around))
    expect(text).toContain('*What each type did; 41,212 entries remain*')
    expect(text).toMatch(/^type +read +written +rejected +duplicates +deleted +remaining$/m)
    expect(text).toMatch(/^posts +1,234 +1,230 +4 +0 +1,234 +41,212 +redis-unreachable$/m)
    expect(text).toMatch(/^likes +0 +0 +0 +0 +0 +0 +done$/m)
  })

  test('says how much waits on the streams, or that nobody knows', () => {
    const backlog: Backlog = [
      { stream: 'bluesky_posts', length: 41_212, oldestAgeSeconds: 754 },
      { stream: 'bluesky_likes', length: 0 },
    ]
    const text = textsOf(messageOf(failure(unreachable(5)), { backlog, publicUrl: undefined }))
    expect(text).toMatch(/^stream +entries +oldest\nbluesky_posts +41,212 +13 min\nbluesky_likes +0 +-$/m)
    const unknown = messageOf(failure(unreachable(5)), { backlog: undefined, publicUrl: undefined })
    expect(textsOf(unknown)).toContain('*Backlog*\nunknown: Redis does not answer')
  })

  test('shows ten streams and says that there are more, and of a long name the beginning', () => {
    const backlog = Array.from({ length: 11 }, (_, n) => ({ stream: `s${n}`.padEnd(100, '-'), length: n }))
    const text = textsOf(messageOf(failure(unreachable(5)), { backlog, publicUrl: undefined }))
    expect(text.match(/^s\d+-+ +\d+ +-$|^…$/gm)).toHaveLength(11)
    expect(text).toMatch(/^s9-{38} +9 +-\n…$/m)
  })

  test('says where to look and what to run', () => {
    const text = textsOf(messageOf(failure(unreachable(5)), around))
    expect(text).toContain('`bin/skydrain status`')
    expect(text).toContain('`docs/errors.md#redis-unreachable`')
    expect(text).toContain('`bin/skydrain run data-writer --wait`')
  })

  test('names the errors of all types that have a paragraph to read', () => {
    const failed = {
      posts: { message: 'a', code: 'disk-full' },
      likes: { message: 'b', code: 'disk-full' },
      blocks: { message: 'c', code: 'wrong-key-type' },
      follows: { message: 'd', code: 'of another version' },
    }
    const run = { ...fails(1, 'several'), result: { types: {}, remaining: 0, failed } }
    const read = textsOf(messageOf(failure(run), around)).match(/docs\/errors\.md#[\w-]+/g)
    expect(read).toEqual(['docs/errors.md#disk-full', 'docs/errors.md#wrong-key-type'])
  })

  test('that nobody foresaw shows where in the code it came from', () => {
    const error = {
      message: 'x is undefined',
      stack: 'TypeError: x is undefined\n    at drain (/app/drain.js:1:2)',
    }
    const text = textsOf(messageOf(failure(runEnds(1, 'Failed', { error })), around))
    expect(text).toContain('```\nx is undefined\n    at drain (/app/drain.js:1:2)\n```')
  })

  test('without an error, as of a worker that died, says so', () => {
    const message = messageOf(failure(runEnds(1, 'Crashed')), around)
    expect(message.text).toBe(':red_circle: data-writer crashed: It left no error behind.')
  })
})

test('a recovery says how long it took, how many runs failed and of what, in green', () => {
  const causes = new Map([
    ['no-run', 0],
    ['redis-unreachable', 3],
    ['posts: <b>#', 1],
  ])
  const message = messageOf(recovery(runEnds(31, 'Completed', { result }), causes), around)
  expect(message.text).toBe(':large_green_circle: data-writer is well again after 21 min: 4 runs failed')
  expect(message.attachments).toMatchObject([{ color: '#2EB67D' }])
  const text = textsOf(message)
  expect(text).toContain('*Down for*\n21 min')
  expect(text).toContain('*It was*\n`no-run`, `redis-unreachable` × 3, `posts: &lt;b&gt;#` × 1')
  expect(text).toMatch(/^posts +1,234/m)
  const seven = new Map([...'abcdefg'].map(cause => [cause, 1]))
  expect(textsOf(messageOf(recovery(runEnds(31, 'Completed'), seven), around))).toContain(
    '`e` × 1, and 2 more',
  )
})

test('a missing run says for how long', () => {
  const message = messageOf({ kind: 'missing', flow: 'data-writer', sinceMs: 12 * 60_000 }, around)
  expect(message.text).toBe(':red_circle: data-writer: no run for 12 min')
  expect(textsOf(message)).toContain('`bin/skydrain run data-writer --wait`')
})

test('links lead to the server where PUBLIC_URL says where it is, and hold no login', () => {
  const publicUrl = 'https://user:hidden@example.org/sky?a=b'
  const text = textsOf(messageOf(failure(unreachable(1)), { backlog: [], publicUrl }))
  expect(text).toContain(
    '<https://example.org/sky/|Skydrain> · <https://example.org/sky/health/ready|Health>',
  )
  expect(text).not.toContain('hidden')
  expect(textsOf(messageOf(failure(unreachable(1)), around))).not.toContain('http')
})

describe('what a run says of itself', () => {
  const excerptOf = (message: string) =>
    /\*Error\*\n```\n([\s\S]*?)\n```/.exec(textsOf(messageOf(failure(fails(1, message)), around)))?.[1]

  test('cannot make markup, a mention or a link', () => {
    expect(excerptOf('<!channel> <https://x|y> a & b')).toBe('&lt;!channel&gt; &lt;https://x|y&gt; a &amp; b')
    const message = messageOf(failure({ ...unreachable(1), worker: '<@U1>`*x*' }), around)
    expect(textsOf(message)).toContain("`&lt;@U1&gt;'*x*`")
  })

  test('cannot end its code block, or draw over what is around it', () => {
    expect(excerptOf('a```b\u0000\u001b[2Jc\u202ed\r\ne\tf\ud800')).toBe(
      "a'''b\ufffd\ufffd[2Jc\ufffdd\ne f\ufffd",
    )
  })

  const secrets: Readonly<Record<string, string>> = {
    'redis://user:hidden@host:6379 is away': 'redis://***@host:6379 is away',
    'redis://:hid/den@host is away': 'redis://***@host is away',
    'https://hooks.slack.com/services/T0/hidden failed': 'https://hooks.slack.com/*** failed',
    'REDIS_PASSWORD=hidden is wrong': 'REDIS_PASSWORD=*** is wrong',
    '{"password": "hidden"}': '{"password": ***',
    'Authorization: Bearer hidden, refused': 'Authorization: *** refused',
    'at file:///app/node_modules/@slack/x.js': 'at file:///app/node_modules/@slack/x.js',
    'did:plc:a@b // c@d': 'did:plc:a@b // c@d',
  }
  for (const [message, shown] of Object.entries(secrets)) {
    test(`shows '${message}' as '${shown}'`, () => {
      expect(excerptOf(message)).toBe(shown)
      expect(JSON.stringify(messageOf(failure(fails(1, message)), around))).not.toContain('hidden')
    })
  }

  test('stays within Slack’s limits at a megabyte of backticks, control characters and escapes', () => {
    const long = '`\u0000<&\u001b>\n'.repeat(150_000)
    const error = { message: long, stack: `${long}\n${`    at ${long}\n`.repeat(3)}` }
    const counts = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, n) => [`${n}${long}`.slice(0, 5_000), noCounts]),
    )
    const run = {
      ...runEnds(1, 'Failed', { error }),
      runId: long,
      worker: long,
      flow: long,
      result: { types: counts },
    }
    const backlog = Array.from({ length: 500 }, () => ({
      stream: long,
      length: 1e300,
      oldestAgeSeconds: 1e300,
    }))
    const causes = new Map(Array.from({ length: 50 }, (_, n) => [`${n}${long.slice(0, 200)}`, n]))
    const alerts = [
      failure(run),
      recovery(run, causes),
      { kind: 'missing', flow: long, sinceMs: Number.NaN },
    ] as const
    for (const alert of alerts) {
      const message = messageOf(alert, { backlog, publicUrl: 'http://127.0.0.1:4200' })
      expectWithinLimits(message)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
      expect(textsOf(message)).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
      expect(textsOf(message).match(/```/g)?.length ?? 0).toBeLessThanOrEqual(6)
    }
  })

  test('may be anything that JSON can hold', () => {
    const anything = fc.record({ types: fc.jsonValue(), failed: fc.jsonValue(), remaining: fc.jsonValue() })
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.oneof(anything, fc.jsonValue()), (message, result) => {
        expectWithinLimits(messageOf(failure({ ...fails(1, message), result }), around))
      }),
      { numRuns: 300, examples: [['', { failed: { posts: { message: { toString: 1 } } } }]] },
    )
  })
})
