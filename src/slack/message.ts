import type { RunEvent } from '../engine/run-event.ts'
import type { Alert, FailureAlert, MissingAlert, RecoveryAlert } from './alerts.ts'
import type { SlackMessage } from './attempt.ts'
import { codesOf } from './cause.ts'
import { code, codeBlock, codeTable, link, oneLine } from './mrkdwn.ts'
import { countNames, runResultOf } from './run-result.ts'

/** The streams as they are: `oldestAgeSeconds` is missing where a stream is empty. */
export type Backlog = readonly {
  readonly stream: string
  readonly length: number
  readonly oldestAgeSeconds?: number | undefined
}[]

type Around = {
  /** Undefined where Redis did not say. */
  readonly backlog: Backlog | undefined
  /** Where people reach the server; undefined where nobody said. */
  readonly publicUrl: string | undefined
}

type Section = {
  readonly type: 'section'
  readonly text?: { readonly type: 'mrkdwn'; readonly text: string }
  readonly fields?: { readonly type: 'mrkdwn'; readonly text: string }[]
}

const RED = '#D7263D'
const GREEN = '#2EB67D'

// Slack takes 3,000 characters in a section and 2,000 in a field, and has refused messages of 13,000 in all.
const EXCERPT_MAX = 1_500
const HEADLINE_MAX = 300
const CODES_MAX = 5
const CAUSES_MAX = 5

/** The Slack message of an alert, within Slack's limits whatever the run says of itself. */
export function messageOf(alert: Alert, around: Around): SlackMessage {
  if (alert.kind === 'failure') return failureMessage(alert, around)
  return alert.kind === 'missing' ? missingMessage(alert, around) : recoveryMessage(alert, around)
}

/** What `slack test` sends. */
export function testMessage(host: string): SlackMessage {
  return {
    text: `:wave: Skydrain on ${oneLine(host, 100)} can reach this channel: failed runs are told here.`,
  }
}

function failureMessage({ run, failedRuns }: FailureAlert, around: Around): SlackMessage {
  const codes = codesOf(run).slice(0, CODES_MAX)
  const said = run.error?.message ?? 'It left no error behind.'
  const stack = codes.length === 0 ? framesOf(run.error?.stack) : ''
  return coloured(RED, `:red_circle: ${run.flow} ${endings[run.state]}: ${said}`, [
    fields([...fieldsOf(run), ['Failed in a row', String(failedRuns)]]),
    section('Error', codeBlock(`${said}${stack}`, EXCERPT_MAX)),
    ...typesSections(run),
    backlogSection(around),
    adviceSection(run.flow, codes),
    ...linksSections(around),
  ])
}

function missingMessage({ flow, sinceMs }: MissingAlert, around: Around): SlackMessage {
  return coloured(RED, `:red_circle: ${flow}: no run for ${durationText(sinceMs)}`, [
    section('What that means', 'No worker has taken a run: none lives, or the queue does not reach it.'),
    backlogSection(around),
    adviceSection(flow, []),
    ...linksSections(around),
  ])
}

function recoveryMessage({ run, downMs, failedRuns, causes }: RecoveryAlert, around: Around): SlackMessage {
  const down = durationText(downMs)
  const shown = [...causes]
    .slice(0, CAUSES_MAX)
    .map(([cause, count]) => `${code(cause)}${count ? ` × ${count}` : ''}`)
  const more = causes.size > shown.length ? [`and ${causes.size - shown.length} more`] : []
  return coloured(
    GREEN,
    `:large_green_circle: ${run.flow} is well again after ${down}: ${failedText(failedRuns)}`,
    [
      fields([...fieldsOf(run), ['Down for', down], ['Failed runs', String(failedRuns)]]),
      section('It was', [...shown, ...more].join(', ')),
      ...typesSections(run),
      backlogSection(around),
      ...linksSections(around),
    ],
  )
}

const endings: Readonly<Record<RunEvent['state'], string>> = {
  Running: 'runs',
  Completed: 'completed',
  Failed: 'failed',
  TimedOut: 'timed out',
  Cancelled: 'was cancelled',
  Crashed: 'crashed',
}

function coloured(color: string, headline: string, blocks: Section[]): SlackMessage {
  const text = oneLine(headline, HEADLINE_MAX)
  return { text, attachments: [{ color, fallback: text, blocks }] }
}

function section(title: string, text: string): Section {
  return { type: 'section', text: { type: 'mrkdwn', text: `*${title}*\n${text}` } }
}

function fields(pairs: readonly (readonly [string, string])[]): Section {
  return {
    type: 'section',
    fields: pairs.map(([name, text]) => ({ type: 'mrkdwn', text: `*${name}*\n${text}` })),
  }
}

function fieldsOf(run: RunEvent): readonly (readonly [string, string])[] {
  const { flow, state, runId, worker, time, durationMs } = run
  const started = Date.parse(time) - (durationMs ?? 0)
  return [
    ['Flow', code(flow)],
    ['State', state],
    ['Run', code(runId)],
    ['Started', timeText(started)],
    ['Duration', durationMs === undefined ? 'unknown' : durationText(durationMs)],
    ['Worker', code(worker)],
  ]
}

function typesSections({ result }: RunEvent): Section[] {
  const { types, remaining, failed } = runResultOf(result)
  if (types.size === 0) return []
  const rows = [...types].map(([type, counts]) => [
    type,
    ...countNames.map(name => grouped(counts[name])),
    failed.has(type) ? (failed.get(type)?.code ?? 'failed') : 'done',
  ])
  const title = remaining ? `What each type did; ${grouped(remaining)} entries remain` : 'What each type did'
  return [section(title, codeTable([['type', ...countNames, ''], ...rows]))]
}

function backlogSection({ backlog }: Around): Section {
  if (backlog === undefined) return section('Backlog', 'unknown: Redis does not answer')
  const rows = backlog.map(({ stream, length, oldestAgeSeconds: age }) => [
    stream,
    grouped(length),
    age === undefined ? '-' : durationText(age * 1000),
  ])
  return section('Backlog', codeTable([['stream', 'entries', 'oldest'], ...rows]))
}

function adviceSection(flow: string, codes: readonly string[]): Section {
  return section(
    'What to do',
    [
      `Look: ${code('bin/skydrain status')}`,
      ...codes.map(it => `Read: ${code(`docs/errors.md#${it}`)}`),
      `Run again: ${code(`bin/skydrain run ${flow} --wait`)}`,
    ].join('\n'),
  )
}

function linksSections({ publicUrl }: Around): Section[] {
  if (publicUrl === undefined) return []
  const links = [link(publicUrl, '', 'Skydrain'), link(publicUrl, 'health/ready', 'Health')]
  return [{ type: 'section', text: { type: 'mrkdwn', text: links.join(' · ') } }]
}

/** The first frames of an error that nobody foresaw; empty where there is no stack. */
function framesOf(stack: string | undefined): string {
  const frames =
    stack
      ?.slice(0, 100_000)
      .split('\n')
      .filter(line => /^\s+at /.test(line)) ?? []
  return frames
    .slice(0, 5)
    .map(frame => `\n${frame.slice(0, 200)}`)
    .join('')
}

/** In the reader's own time zone; where Slack cannot, in UTC. */
function timeText(ms: number): string {
  if (Number.isNaN(new Date(ms).getTime())) return 'unknown'
  return `<!date^${Math.floor(ms / 1000)}^{date_short_pretty} {time_secs}|${new Date(ms).toISOString()}>`
}

/** `0.4 s`, `52 s`, `12 min`, `3 h 20 min`. */
function durationText(ms: number): string {
  if (!Number.isFinite(ms)) return 'unknown'
  const seconds = ms / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function failedText(runs: number): string {
  return runs === 1 ? '1 run failed' : `${grouped(runs)} runs failed`
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
