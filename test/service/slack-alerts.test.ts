import { expect, test } from 'vitest'

import type { RunEvent } from '../../src/engine/run-event.ts'
import { eventTypes } from '../../src/records/event-type.ts'
import { CANARY } from '../cli/skydrain.ts'
import { type Place, waitFor } from '../cli/world.ts'
import { type Answer, ok, type SlackServer, startSlack, textsOf } from '../slack/slack-server.ts'
import { atStation, readinessOf, type Serving, scrapeOf, serve } from './serving.ts'
import { endsOf, generate, type Station, waitForEvents } from './station.ts'

const EVERY_MS = 2_000
const OFTEN = { SCHEDULE: '*/2 * * * * *' }
/** The first of January: runs are only those that a test asks for. */
const SELDOM = { SCHEDULE: '0 0 1 1 *' }

/** A station whose servers tell Slack, or what stands where Slack stands. */
async function withSlack(
  env: Readonly<Record<string, string>>,
  answer: Answer,
  work: (station: Station, slack: SlackServer) => Promise<void>,
): Promise<void> {
  const slack = await startSlack(answer)
  try {
    await atStation({ ...env, SLACK_WEBHOOK_URL: slack.url }, station => work(station, slack))
  } finally {
    await slack.close()
  }
}

/** Makes every run fail: the key of one stream is none. */
async function breakStream({ client, prefix }: Place): Promise<void> {
  await client.set(`${prefix}likes`, 'no stream')
}

async function mendStream({ client, prefix }: Place): Promise<void> {
  await client.del(`${prefix}likes`)
}

const failed = (events: readonly RunEvent[]) => events.filter(it => it.state === 'Failed')
const completed = (events: readonly RunEvent[]) => events.filter(it => it.state === 'Completed')

/** Waits until the server has taken the ends of so many runs that failed. */
async function hasTaken(server: Serving, state: string, count: number): Promise<void> {
  await waitFor(`${count} runs that the server knows to be ${state}`, async () => {
    const runs = await scrapeOf(server)
    return (runs.get(`skydrain_flow_runs_total{flow="data-writer",state="${state}"}`) ?? 0) >= count
  })
}

function textAt(slack: SlackServer, at: number): string {
  const received = slack.received[at]
  return received === undefined ? '' : textsOf(received.message)
}

test.concurrent('a failure is told once, with what a person needs and no secret, and its end once, with the count', () =>
  withSlack({ ...OFTEN, REDIS_PASSWORD: CANARY }, ok, async (station, slack) => {
    const { place } = station
    const produced = await generate(place.with({ REDIS_PASSWORD: '' }), 300)
    await place.client.config('SET', 'requirepass', CANARY)
    await place.client.rename(`${place.prefix}likes`, 'put aside')
    await breakStream(place)
    const server = await serve(station, 'server', {
      PUBLIC_URL: `https://me:${CANARY}@sky.example`,
    })
    await serve(station, 'worker')
    await slack.first(1)
    const run = failed(await endsOf(station))[0]
    const told = textAt(slack, 0)
    expect(told).toMatch(/^:red_circle: data-writer failed: likes: /)
    expect(told).toContain(`*Run*\n\`${run?.runId}\``)
    expect(told).toMatch(/\*State\*\nFailed\n/)
    expect(told).toMatch(/\*Duration\*\n\d+(\.\d)? m?s/)
    expect(told).toContain(`*Error*\n\`\`\`\n${run?.error?.message.slice(0, 60)}`)
    for (const type of eventTypes) {
      expect(told).toMatch(new RegExp(`\\*Backlog\\*\n[^*]*^${place.prefix}${type} +[\\d,]+ +`, 'm'))
    }
    expect(told).toContain('`bin/skydrain status`')
    expect(told).toContain('`bin/skydrain run data-writer --wait`')

    await hasTaken(server, 'failed', 3)
    server.kill('SIGKILL')
    const again = await server.again()
    await hasTaken(again, 'failed', failed(await endsOf(station)).length + 2)
    expect(slack.received).toHaveLength(1)

    await place.client.rename('put aside', `${place.prefix}likes`)
    await slack.first(2)
    const ends = await endsOf(station)
    const failures = failed(ends).length
    expect(textAt(slack, 1)).toMatch(/^:large_green_circle: data-writer is well again after /)
    expect(textAt(slack, 1)).toContain(`*Failed runs*\n${failures}`)
    expect(completed(ends)[0]?.result).toMatchObject({ types: { likes: { read: produced.likes } } })
    await hasTaken(again, 'completed', completed(ends).length + 2)
    expect(slack.received).toHaveLength(2)
    expect(JSON.stringify(slack.received)).not.toContain(CANARY)
  }))

test.concurrent('a failure while no server was there is told when one is back, once, also where two are', () =>
  withSlack(SELDOM, ok, async (station, slack) => {
    const { place } = station
    const drain = () => place.run('run', 'data-writer', '--wait')
    await breakStream(place)
    await serve(station, 'worker')
    expect((await drain()).code).toBe(1)
    const servers = await Promise.all([serve(station, 'server'), serve(station, 'server')])
    await slack.first(1)
    expect(textAt(slack, 0)).toContain(`*Run*\n\`${(await endsOf(station))[0]?.runId}\``)
    for (const server of servers) await hasTaken(server, 'failed', 1)
    for (const server of servers) expect((await server.stop()).code).toBe(0)
    const again = await Promise.all(servers.map(it => it.again()))
    for (const server of again) await hasTaken(server, 'failed', 1)
    await mendStream(place)
    expect((await drain()).code).toBe(0)
    await slack.first(2)
    for (const server of again) await hasTaken(server, 'completed', 1)
    for (const server of again) expect((await server.stop()).code).toBe(0)
    expect(slack.received).toHaveLength(2)
    expect(textAt(slack, 1)).toContain('is well again')
  }))

for (const [how, answer] of [
  ['hangs', 'never'],
  ['answers 500', { status: 500 }],
] as const) {
  test.concurrent(`a Slack that ${how} keeps no run from its time, the server from following, nor it from ending`, () =>
    withSlack({ SCHEDULE: '*/3 * * * * *' }, answer, async (station, slack) => {
      const { place } = station
      await serve(station, 'worker')
      const server = await serve(station, 'server')
      await waitForEvents(station, 'two good runs', events => completed(events).length >= 2)
      await breakStream(place)
      await slack.first(1)
      const events = await waitForEvents(station, 'four runs that fail', found => failed(found).length >= 4)
      await hasTaken(server, 'failed', failed(events).length)
      const times = dueTimes(events)
      // Each tick has its run, before Slack was told and after it.
      expect(times.slice(2).map((time, at) => time - (times[at + 1] ?? 0))).toEqual(
        times.slice(2).map(() => 3_000),
      )
      const { code, tookMs } = await server.stop()
      expect([code, tookMs < 9_000], `${tookMs}`).toEqual([0, true])
    }))
}

/** When each run was due, in milliseconds since 1970. */
function dueTimes(events: readonly RunEvent[]): number[] {
  return events.filter(it => it.state === 'Running').map(it => Date.parse(it.time) - (it.waitedMs ?? 0))
}

test.concurrent('where no worker takes a run for two intervals and 30 s, that is told once, and its end', () =>
  withSlack(OFTEN, ok, async (station, slack) => {
    const startedAt = Date.now()
    const server = await serve(station, 'server')
    const [told] = await slack.first(1)
    expect(Date.now() - startedAt).toBeGreaterThan(2 * EVERY_MS + 29_000)
    expect(Date.now() - startedAt).toBeLessThan(45_000)
    expect(told?.message.text).toMatch(/^:red_circle: data-writer: no run for 3\d s$/)
    expect(textAt(slack, 0)).toContain('`bin/skydrain status`')
    expect((await readinessOf(server)).checks.workers).toMatchObject({ ok: false })
    await serve(station, 'worker')
    await slack.first(2)
    expect(textAt(slack, 1)).toMatch(
      /^:large_green_circle: data-writer is well again after .*: 0 runs failed/,
    )
    await hasTaken(server, 'completed', 3)
    expect(slack.received).toHaveLength(2)
  }))
