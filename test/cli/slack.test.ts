import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { freePort } from '../redis-server.ts'
import { type Answer, ok, type SlackServer, startSlack } from '../slack/slack-server.ts'
import { CANARY, documentOf, sentenceOf, skydrain, startSkydrain } from './skydrain.ts'

// Tests run side by side here. The webhook's URL holds the canary, which no output of any call may show.
vi.setConfig({ testTimeout: 120_000 })

let cwd: string
const servers: SlackServer[] = []

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'skydrain slack-'))
})

afterAll(async () => {
  for (const server of servers) await server.close()
  await rm(cwd, { recursive: true, force: true })
})

async function serverThat(answer: Answer): Promise<SlackServer> {
  const server = await startSlack(answer)
  servers.push(server)
  return server
}

const slackTest = (url: string, ...words: string[]) =>
  skydrain(['slack', 'test', ...words], { cwd, env: { SLACK_WEBHOOK_URL: url } })

test.concurrent('slack test sends one message and says that Slack took it', async () => {
  const server = await serverThat(ok)
  expect(await slackTest(server.url)).toMatchObject({
    code: 0,
    stdout: 'Slack took the message.\n',
    stderr: '',
  })
  const json = await slackTest(server.url, '--json')
  expect({ code: json.code, stderr: json.stderr, document: documentOf(json) }).toEqual({
    code: 0,
    stderr: '',
    document: { ok: true },
  })
  expect(server.received.map(it => it.message.text)).toEqual([
    expect.stringMatching(/^:wave: Skydrain on \S+ can reach this channel/),
    expect.stringMatching(/^:wave: /),
  ])
})

describe('slack test ends with 1 and one sentence that says what to do', () => {
  const answers: Readonly<Record<string, [Answer, RegExp]>> = {
    'when the webhook was revoked': [{ status: 404, body: 'no_service' }, /404 no_service\).*make a new one/],
    'when Slack takes no more for now': [
      { status: 429, headers: { 'retry-after': '42' } },
      /Try again in 42 s\./,
    ],
    'when Slack fails': [{ status: 503 }, /answered 503.*Try again later\./],
    'when another page answers': [
      { status: 418, body: `/services/T0/B0/${CANARY}` },
      /\(418\)\. Check SLACK_WEBHOOK_URL/,
    ],
  }
  for (const [when, [answer, sentence]] of Object.entries(answers)) {
    test.concurrent(when, async () => {
      const server = await serverThat(answer)
      const ended = await slackTest(server.url)
      expect(sentenceOf(ended)).toMatch(sentence)
      expect(ended.code).toBe(1)
      expect(server.received).toHaveLength(1)
    })
  }

  test.concurrent('when nobody is there, and as a document with --json', async () => {
    const ended = await slackTest(`http://127.0.0.1:${await freePort()}/services/${CANARY}`, '--json')
    expect(ended.code).toBe(1)
    const sentence = expect.stringMatching(/cannot be reached \(ECONNREFUSED\)\. Check the network/)
    expect(documentOf(ended)).toEqual({ ok: false, error: sentence })
  })
})

test.concurrent('slack test without a webhook ends with 64 and says which variable is missing', async () => {
  for (const words of [[], ['--json']]) {
    const ended = await skydrain(['slack', 'test', ...words], { cwd, env: {} })
    expect(sentenceOf(ended)).toMatch(/^skydrain: SLACK_WEBHOOK_URL is not set; set it to/)
    expect(ended.code).toBe(64)
  }
})

test.concurrent('slack test is ended by Ctrl-C while Slack hangs', async () => {
  const server = await serverThat('never')
  const running = startSkydrain(['slack', 'test'], { cwd, env: { SLACK_WEBHOOK_URL: server.url } })
  await server.first(1)
  const endedAt = performance.now()
  running.child.kill('SIGINT')
  expect(await running.ended).toMatchObject({ code: 130, stdout: '' })
  // It would give up by itself after ten seconds.
  expect(performance.now() - endedAt).toBeLessThan(5_000)
})

test.concurrent('slack without a subcommand shows its help, and --help shows examples', async () => {
  const alone = await skydrain(['slack'], { cwd, env: {} })
  expect(alone).toMatchObject({
    code: 64,
    stdout: '',
    stderr: expect.stringMatching(/^Usage: skydrain slack/),
  })
  for (const words of [['slack'], ['slack', 'test']]) {
    const { code, stdout, stderr } = await skydrain([...words, '--help'], { cwd, env: {} })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: skydrain slack/)
    expect(stdout).toMatch(/^Examples:\n {2}skydrain slack test/m)
  }
})
