import { afterEach, expect, test } from 'vitest'

import { alertOnRuns, type RunAlerts } from '../../src/slack/alert-on-runs.ts'
import type { Backlog } from '../../src/slack/message.ts'
import { openSlack, slackLimits } from '../../src/slack/webhook.ts'
import { fails, runEnds, START, unreachable } from './run-events.ts'
import { type Answer, ok, type SlackServer, startSlack, textsOf } from './slack-server.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

type Opened = {
  readonly server: SlackServer
  readonly alerts: RunAlerts
  /** Everything that was sent, once all that was taken is posted and sent. */
  readonly sent: () => Promise<readonly string[]>
}

async function open(readBacklog: () => Promise<Backlog>, ...answers: readonly Answer[]): Promise<Opened> {
  const server = await startSlack(...answers)
  const limits = { ...slackLimits, retryDelaysMs: [1] }
  const slack = openSlack({ url: server.url, told: () => undefined, limits })
  closers.push(() => slack.close(0), server.close)
  const now = () => START + 60 * 60_000
  const alerts = alertOnRuns({ slack, readBacklog, publicUrl: undefined, now })
  const sent = async () => {
    await alerts.close()
    await slack.close(10_000)
    return server.received.map(it => textsOf(it.message))
  }
  return { server, alerts, sent }
}

const backlog = async () => [{ stream: 'bluesky_posts', length: 41_212, oldestAgeSeconds: 300 }]

test('a row of events makes one message of the failure and one of the recovery', async () => {
  const { alerts, sent } = await open(backlog, ok)
  for (const event of [
    runEnds(1, 'Running'),
    unreachable(1),
    runEnds(2, 'Running'),
    unreachable(2),
    unreachable(2),
    runEnds(3, 'Cancelled'),
    runEnds(4, 'Completed'),
    runEnds(5, 'Completed'),
  ]) {
    alerts.take(event)
  }
  const messages = await sent()
  expect(messages).toHaveLength(2)
  expect(messages[0]).toMatch(/^:red_circle: data-writer failed: Redis/)
  expect(messages[0]).toMatch(/bluesky_posts +41,212 +5 min/)
  expect(messages[1]).toMatch(/^:large_green_circle: data-writer is well again after 3 min: 2 runs failed/)
})

test('what is replayed is not told again, and its end is', async () => {
  const { alerts, sent } = await open(backlog, ok)
  alerts.take(fails(1, 'old and over'), { silent: true })
  alerts.take(runEnds(2, 'Completed'), { silent: true })
  alerts.take(unreachable(3), { silent: true })
  alerts.take(unreachable(3))
  alerts.take(unreachable(4))
  alerts.take(runEnds(5, 'Completed'))
  const messages = await sent()
  expect(messages).toHaveLength(1)
  expect(messages[0]).toMatch(/is well again after 2 min: 2 runs failed/)
})

test('a flow without a run is told once', async () => {
  const { alerts, sent } = await open(backlog, ok)
  alerts.missing('data-writer', 12 * 60_000)
  alerts.missing('data-writer', 13 * 60_000)
  alerts.take(runEnds(61, 'Completed'))
  const messages = await sent()
  expect(messages.map(it => it.split('\n')[0])).toEqual([
    ':red_circle: data-writer: no run for 12 min',
    ':large_green_circle: data-writer is well again after 13 min: 0 runs failed',
  ])
})

test('a backlog that cannot be read is unknown, and the alert comes all the same', async () => {
  const failing: readonly (() => Promise<Backlog>)[] = [
    () => Promise.reject(new Error('away')),
    () => {
      throw new Error('away')
    },
  ]
  for (const readBacklog of failing) {
    const { alerts, sent } = await open(readBacklog, ok)
    alerts.take(unreachable(1))
    expect((await sent())[0]).toContain('unknown: Redis does not answer')
  }
})

test('a backlog that hangs delays all alerts by three seconds together, and none of them is lost or overtakes', async () => {
  let asked = 0
  const { alerts, sent } = await open(async () => {
    asked += 1
    return asked < 3 ? await new Promise<Backlog>(() => undefined) : await backlog()
  }, ok)
  const startedAt = performance.now()
  alerts.take(unreachable(1))
  alerts.take(fails(2, 'The disk is full.', 'disk-full'))
  alerts.take(runEnds(3, 'Completed'))
  expect(performance.now() - startedAt).toBeLessThan(1_500)
  const messages = await sent()
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  expect(messages.map(it => /(unknown: Redis)|bluesky_posts/.exec(it)?.[0])).toEqual([
    'unknown: Redis',
    'unknown: Redis',
    'bluesky_posts',
  ])
  expect(messages[2]).toMatch(/^:large_green_circle:/)
})

test('a Slack that hangs or refuses delays and fails nothing', async () => {
  for (const answer of ['never', { status: 404, body: 'no_service' }] as const) {
    const { alerts, server } = await open(backlog, answer)
    alerts.take(unreachable(1))
    alerts.take(runEnds(2, 'Completed'))
    await alerts.close()
    await server.first(1)
  }
})
