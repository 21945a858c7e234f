import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { expect } from 'vitest'

import type { SlackMessage } from '../../src/slack/attempt.ts'
import { CANARY } from '../cli/skydrain.ts'

/** A status, with a body and headers where Slack sends any; or what is no answer. */
export type Answer = Answered | 'never' | 'half'
export type Answered = {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Received = { readonly message: SlackMessage; readonly atMs: number }

/** An HTTP server that stands where Slack stands. */
export type SlackServer = {
  /** The webhook's URL: its path is a secret that nothing may show. */
  readonly url: string
  readonly received: readonly Received[]
  /** The first so many messages that came, once they did. */
  readonly first: (count: number) => Promise<readonly Received[]>
  readonly close: () => Promise<void>
}

export const ok: Answered = { status: 200, body: 'ok' }

/** Gives each request the next answer, and the last one to all that come after it. */
export async function startSlack(...answers: readonly Answer[]): Promise<SlackServer> {
  const received: Received[] = []
  const looks = new Set<() => void>()
  const server = createServer(async (request, response) => {
    const message = JSON.parse(await textOf(request))
    received.push({ message, atMs: performance.now() })
    answer(answers[received.length - 1] ?? answers.at(-1) ?? ok, response)
    for (const look of looks) look()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/services/T0/B0/${CANARY}`,
    received,
    first: count =>
      new Promise(resolve => {
        const look = () => received.length >= count && resolve(received.slice(0, count))
        looks.add(look)
        look()
      }),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function answer(given: Answer, response: ServerResponse): void {
  if (given === 'never') return
  if (given === 'half') response.writeHead(200).write('o')
  else response.writeHead(given.status, given.headers).end(given.body ?? '')
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}

/** What Slack refuses: a text, a field or a message that is too long, and too many of them. */
export function expectWithinLimits({ text, attachments = [] }: SlackMessage): void {
  expect(text.length).toBeLessThanOrEqual(4_000)
  expect(JSON.stringify(attachments).length).toBeLessThanOrEqual(13_000)
  expect(attachments.length).toBeLessThanOrEqual(20)
  for (const { blocks = [] } of attachments) {
    expect(blocks.length).toBeLessThanOrEqual(50)
    for (const block of blocks) {
      const found =
        'text' in block || 'fields' in block ? block : expect.unreachable('a block of another kind')
      const { text, fields = [] } = found as { text?: { text: string }; fields?: { text: string }[] }
      expect(text === undefined ? 1 : text.text.length).toBeGreaterThan(0)
      expect(text?.text.length ?? 0).toBeLessThanOrEqual(3_000)
      expect(fields.length).toBeLessThanOrEqual(10)
      for (const field of fields) expect(field.text.length).toBeLessThanOrEqual(2_000)
    }
  }
}

/** All the text of a message, as it is sent. */
export function textsOf({ text, attachments = [] }: SlackMessage): string {
  const blocks = attachments.flatMap(it => it.blocks ?? []) as readonly {
    readonly text?: { readonly text: string }
    readonly fields?: readonly { readonly text: string }[]
  }[]
  return [
    text,
    ...blocks.flatMap(it => [it.text?.text ?? '', ...(it.fields ?? []).map(each => each.text)]),
  ].join('\n')
}
