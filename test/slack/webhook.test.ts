import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { afterEach, describe, expect, test } from 'vitest'

import type { SlackOutcome } from '../../src/slack/attempt.ts'
import { openSlack, type Slack, type SlackLimits, slackLimits } from '../../src/slack/webhook.ts'
import { CANARY } from '../cli/skydrain.ts'
import { freePort } from '../redis-server.ts'
import { type Answer, ok, type SlackServer, startSlack } from './slack-server.ts'

type Opened = {
  readonly server: SlackServer
  readonly slack: Slack
  readonly outcomes: readonly SlackOutcome[]
  /** The first so many outcomes, once they were told. */
  readonly told: (count: number) => Promise<readonly SlackOutcome[]>
}

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const quick: SlackLimits = { ...slackLimits, retryDelaysMs: [1, 2, 3] }

async function open(answers: readonly Answer[], limits: SlackLimits = quick): Promise<Opened> {
  const server = await startSlack(...answers)
  return { server, ...openAt(server.url, limits, server.close) }
}

function openAt(url: string, limits: SlackLimits, close = () => Promise.resolve()) {
  const outcomes: SlackOutcome[] = []
  const looks = new Set<() => void>()
  const slack = openSlack({
    url,
    told: outcome => {
      expect(outcome.sentence).not.toContain(CANARY)
      expect(outcome.sentence).not.toContain('/services')
      outcomes.push(outcome)
      for (const look of looks) look()
    },
    limits,
  })
  closers.push(() => slack.close(0), close)
  const told = (count: number) =>
    new Promise<readonly SlackOutcome[]>(resolve => {
      const look = () => outcomes.length >= count && resolve(outcomes.slice(0, count))
      looks.add(look)
      look()
    })
  return { slack, outcomes, told }
}

const texts = ({ server }: Opened) => server.received.map(it => it.message.text)

describe('a message that is posted', () => {
  test('arrives as it is, and one sentence tells that it did', async () => {
    const { server, slack, told } = await open([ok])
    const message = { text: 'a', attachments: [{ color: '#123456', fallback: 'b' }] }
    slack.post(message)
    expect((await server.first(1)).map(it => it.message)).toEqual([message])
    expect(await told(1)).toEqual([{ result: 'ok', sentence: 'Slack took the message.' }])
  })

  test('is sent again after the time that a 429 names, and taken once', async () => {
    const wait = { status: 429, headers: { 'retry-after': '1' }, body: 'rate_limited' }
    const opened = await open([wait, ok])
    opened.slack.post({ text: 'a' })
    opened.slack.post({ text: 'b' })
    expect(await opened.told(2)).toMatchObject([{ result: 'ok' }, { result: 'ok' }])
    expect(texts(opened)).toEqual(['a', 'a', 'b'])
    const [first, second] = opened.server.received
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(990)
  })

  test('waits no longer than its limit, whatever a 429 asks', async () => {
    const wait = { status: 429, headers: { 'retry-after': '86400' } }
    const opened = await open([wait, ok], { ...quick, waitMaxMs: 5 })
    opened.slack.post({ text: 'a' })
    expect(await opened.told(1)).toMatchObject([{ result: 'ok' }])
  })

  test('is sent again after a 429 that names no time', async () => {
    const opened = await open([{ status: 429 }, { status: 429, headers: { 'retry-after': 'soon' } }, ok])
    opened.slack.post({ text: 'a' })
    expect(await opened.told(1)).toMatchObject([{ result: 'ok' }])
  })

  test('is sent again after a 500', async () => {
    const opened = await open([{ status: 500, body: 'rollup_error' }, ok])
    opened.slack.post({ text: 'a' })
    expect(await opened.told(1)).toMatchObject([{ result: 'ok' }])
    expect(texts(opened)).toEqual(['a', 'a'])
  })

  test('is given up after the last retry, and the next one is sent and says so', async () => {
    const down = { status: 503, body: `<p>/services/T0/B0/${CANARY} is down</p>` }
    const opened = await open([down, down, down, down, ok])
    opened.slack.post({ text: 'a' })
    opened.slack.post({ text: 'b' })
    expect(await opened.told(2)).toEqual([
      { result: 'error', sentence: 'Slack answered 503, an error of its own. Try again later.' },
      { result: 'ok', sentence: 'Slack took the message.' },
    ])
    expect(texts(opened)).toEqual(['a', 'a', 'a', 'a', 'b (1 more were dropped)'])
  })

  test('is sent again when Slack does not answer in time, or stops in the middle of its answer', async () => {
    const opened = await open(['never', 'half', ok], { ...quick, timeoutMs: 100 })
    opened.slack.post({ text: 'a' })
    expect(await opened.told(1)).toMatchObject([{ result: 'ok' }])
    expect(texts(opened)).toEqual(['a', 'a', 'a'])
  })

  const refusals: Readonly<Record<string, [Answer, RegExp]>> = {
    'a webhook that was revoked': [
      { status: 404, body: 'no_service' },
      /\(404 no_service\)\. The webhook was revoked/,
    ],
    'a forbidden channel': [
      { status: 403, body: 'action_prohibited' },
      /\(403 action_prohibited\).*administrator/,
    ],
    'an archived channel': [
      { status: 410, body: 'channel_is_archived\n' },
      /\(410 channel_is_archived\).*archived/,
    ],
    'a message it cannot read': [{ status: 400, body: 'invalid_payload' }, /\(400 invalid_payload\)/],
    'a page that quotes the URL': [
      { status: 405, body: `no /services/T0/B0/${CANARY} here` },
      /\(405\)\. Check SLACK_WEBHOOK_URL/,
    ],
    'a page of somebody else': [{ status: 200, body: '\n<!doctype html>' }, /answered with a web page/],
  }
  for (const [what, [answer, sentence]] of Object.entries(refusals)) {
    test(`is given up at once after ${what}, with a sentence that says what to do`, async () => {
      const opened = await open([answer, ok])
      opened.slack.post({ text: 'a' })
      const [outcome] = await opened.told(1)
      expect(outcome).toMatchObject({ result: 'error', sentence: expect.stringMatching(sentence) })
      expect(texts(opened)).toEqual(['a'])
    })
  }
})

describe('the queue', () => {
  test('takes messages at once and in order while Slack hangs, drops what does not fit, and tells how many', async () => {
    const opened = await open(['never', ok], { ...quick, timeoutMs: 300, waitingMax: 3 })
    const startedAt = performance.now()
    for (let n = 0; n < 9; n += 1) opened.slack.post({ text: `m${n}` })
    expect(performance.now() - startedAt).toBeLessThan(250)
    expect(opened.outcomes).toHaveLength(5)
    expect(opened.outcomes[0]).toEqual({
      result: 'error',
      sentence: '3 messages wait for Slack already: a message was dropped.',
    })
    await opened.told(9)
    expect(texts(opened)).toEqual(['m0', 'm0', 'm1 (5 more were dropped)', 'm2', 'm3'])
  })

  test('is empty again after a pause, and then goes on', async () => {
    const opened = await open([ok])
    opened.slack.post({ text: 'a' })
    await opened.told(1)
    opened.slack.post({ text: 'b' })
    expect(await opened.told(2)).toMatchObject([{ result: 'ok' }, { result: 'ok' }])
  })
})

describe('send', () => {
  test('sends once and returns how it fared', async () => {
    const { server, slack } = await open([
      ok,
      { status: 500 },
      { status: 429, headers: { 'retry-after': '30' } },
    ])
    expect(await slack.send({ text: 'a' })).toEqual({ result: 'ok', sentence: 'Slack took the message.' })
    expect(await slack.send({ text: 'a' })).toMatchObject({
      result: 'error',
      sentence: expect.stringContaining('500'),
    })
    expect(await slack.send({ text: 'a' })).toEqual({
      result: 'error',
      sentence: 'Slack takes no more messages for now (429). Try again in 30 s.',
    })
    expect(server.received).toHaveLength(3)
  })

  test('says that Slack does not answer', async () => {
    const { slack } = await open(['never'], { ...quick, timeoutMs: 100 })
    const { result, sentence } = await slack.send({ text: 'a' })
    expect({ result, sentence }).toMatchObject({
      result: 'error',
      sentence: expect.stringContaining('within 0.1 s'),
    })
  })

  test('says that Slack cannot be reached, and never where', async () => {
    const urls = {
      'http://127.0.0.1:PORT/services/CANARY': /cannot be reached \(ECONNREFUSED\)/,
      'http://user:CANARY@127.0.0.1:PORT/services': /cannot be reached\./,
      'http://nowhere.invalid/services/CANARY': /cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/,
    }
    const port = String(await freePort())
    for (const [url, sentence] of Object.entries(urls)) {
      const { slack } = openAt(url.replace('PORT', port).replace('CANARY', CANARY), quick)
      const outcome = await slack.send({ text: 'a' })
      expect(outcome).toMatchObject({ result: 'error', sentence: expect.stringMatching(sentence) })
      expect(outcome.sentence).not.toMatch(new RegExp(`${CANARY}|services`))
    }
  })

  test('follows no redirect, which could lead anywhere', async () => {
    const other = await startSlack(ok)
    closers.push(other.close)
    const { slack } = await open([{ status: 307, headers: { location: other.url } }])
    expect(await slack.send({ text: 'a' })).toMatchObject({ result: 'error' })
    expect(other.received).toHaveLength(0)
  })
})

describe('close', () => {
  test('delivers what waits', async () => {
    const opened = await open([ok])
    for (const text of ['a', 'b', 'c']) opened.slack.post({ text })
    await opened.slack.close(5_000)
    expect(texts(opened)).toEqual(['a', 'b', 'c'])
    expect(opened.outcomes).toHaveLength(3)
  })

  test('ends within its limit while Slack hangs, tells of each message, and takes no more', async () => {
    const opened = await open(['never'])
    opened.slack.post({ text: 'a' })
    opened.slack.post({ text: 'b' })
    await opened.server.first(1)
    const startedAt = performance.now()
    await opened.slack.close(100)
    await opened.slack.close(100)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    opened.slack.post({ text: 'c' })
    expect(opened.outcomes.map(it => it.sentence)).toEqual([
      'The process ended before Slack took the message.',
      'The process ended before Slack took the message.',
      'Slack is closed: a message was dropped.',
    ])
    expect(opened.server.received).toHaveLength(1)
  })

  test('leaves nothing that keeps the process, while Slack hangs or has asked to wait', async () => {
    const program = fileURLToPath(new URL('../../dist/test/slack/closing-process.js', import.meta.url))
    const wait = { status: 429, headers: { 'retry-after': '200' } }
    for (const answer of ['never', 'half', wait] as const) {
      const { server } = await open([answer])
      const child = spawn(process.execPath, [program, server.url], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      })
      await once(child, 'message')
      const closedAt = performance.now()
      const [code] = await once(child, 'exit')
      expect(code).toBe(0)
      // Less than any limit or pause that could still be running.
      expect(performance.now() - closedAt).toBeLessThan(5_000)
    }
  })
})
