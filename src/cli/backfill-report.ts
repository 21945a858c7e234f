import type { DateTime } from 'luxon'

import { addCounts, type DrainCounts, joinCounts, noCounts } from '../flows/drain-report.ts'
import type { Window } from '../flows/windows.ts'
import { eventTypes } from '../records/event-type.ts'
import type { BackfillPlan } from './backfill-plan.ts'
import type { EndedRun } from './run-report.ts'
import { grouped, table } from './table.ts'

/** A window and its run; `ended` is missing where nobody waited for its end, or it never began. */
export type WindowEnd = { readonly window: Window; readonly runId: string; readonly ended?: EndedRun }

type Done = WindowEnd & { readonly ended: EndedRun }

export function isDone(end: WindowEnd): end is Done {
  return end.ended !== undefined
}

const SHORT = { suppressSeconds: true, suppressMilliseconds: true } as const

/** `2026-11-21T22:00Z`: with seconds only where there are some. `--from` and `--to` read it back. */
export function timeText(time: DateTime): string {
  return time.toISO(SHORT) ?? ''
}

/** `2026-11-21T22:00Z–22:05Z` */
export function windowText({ from, to }: Window): string {
  return `${timeText(from)}–${from.hasSame(to, 'day') ? to.toISOTime(SHORT) : timeText(to)}`
}

/** One line for a window that has ended. */
export function windowLine({ window, ended }: Done): string {
  const { state, durationMs, error } = ended
  const { read, written, remaining } = sumOf(ended)
  if (state !== 'Completed') return `${windowText(window)}  ${state}  ${oneLine(error?.message ?? '')}`
  if (isEmpty(ended)) return `${windowText(window)}  ${state}  nothing there`
  const left = remaining > 0 ? `, ${grouped(remaining)} left to one more run` : ''
  const counts = `${grouped(read)} read, ${grouped(written)} written`
  return `${windowText(window)}  ${state}  ${counts} in ${(durationMs / 1000).toFixed(1)} s${left}`
}

/** The command that drains the windows from one to another. */
export function commandFor({ from, to }: Window, { types, length }: Pick<BackfillPlan, 'types' | 'length'>) {
  const chosen = types.length < eventTypes.length ? ` --type ${types.join(',')}` : ''
  return `bin/skydrain backfill --from ${timeText(from)} --to ${timeText(to)}${chosen} --window ${length} --wait`
}

/** What each type came to, and how the windows ended. */
export function summaryText(ends: readonly WindowEnd[], { types }: BackfillPlan, tookMs: number): string {
  const done = ends.filter(isDone)
  const headings = ['type', 'read', 'written', 'rejected', 'duplicates', 'deleted', 'files']
  const rows = types.map(type => [type, ...Object.values(countsOf(sumOfType(done, type)))])
  const completed = done.filter(it => it.ended.state === 'Completed')
  const empty = completed.filter(it => isEmpty(it.ended))
  const counts = [
    `${grouped(completed.length)} completed`,
    `${grouped(empty.length)} of them empty`,
    `${grouped(done.length - completed.length)} failed`,
    ...(done.length < ends.length ? [`${grouped(ends.length - done.length)} not done`] : []),
  ].join(', ')
  const written = done.reduce((sum, it) => sum + sumOf(it.ended).written, 0)
  const line = `${numberOf(ends.length, 'window')}: ${counts}; ${numberOf(written, 'row')} in ${(tookMs / 1000).toFixed(1)} s`
  return `${table(headings, rows)}${line}\n`
}

/** The windows that failed, those together that follow each other with one error, and how to do them again. */
export function failureText(ends: readonly WindowEnd[], plan: BackfillPlan): string {
  const groups: Done[][] = []
  let before: WindowEnd | undefined
  for (const end of ends) {
    if (isDone(end) && end.ended.state !== 'Completed') {
      const group = groups.at(-1)
      if (group !== undefined && group.at(-1) === before && isSameFailure(group.at(-1), end)) group.push(end)
      else groups.push([end])
    }
    before = end
  }
  return groups.map(group => groupText(group, plan)).join('\n')
}

function isSameFailure(one: Done | undefined, other: Done): boolean {
  return one?.ended.state === other.ended.state && one.ended.error?.message === other.ended.error?.message
}

function groupText(group: readonly Done[], plan: BackfillPlan): string {
  const [first] = group
  const last = group.at(-1)
  if (first === undefined || last === undefined) return ''
  const { state, error } = first.ended
  const all = { from: first.window.from, to: last.window.to }
  const what = group.length === 1 ? 'is' : `(${group.length} windows) are`
  return `${windowText(all)} ${what} ${state}: ${oneLine(error?.message ?? '')}\n  ${commandFor(all, plan)}`
}

/** The one JSON document of a backfill that was waited for. */
export function backfillDocument(ends: readonly WindowEnd[], { types }: BackfillPlan, isCutShort: boolean) {
  const done = ends.filter(isDone)
  const hasFailed = done.some(it => it.ended.state !== 'Completed')
  return {
    windows: ends.map(({ window, runId, ended }) => {
      const { read, written, rejected, duplicates } = sumOf(ended)
      const { state = 'Cancelled', error } = ended ?? {}
      const counts = { read, written, rejected, duplicates }
      const run = { run_id: runId, state, ...counts, ...(error && { error: error.message }) }
      return { from: window.from.toISO(), to: window.to.toISO(), ...run }
    }),
    types: Object.fromEntries(types.map(type => [type, countsOf(sumOfType(done, type))])),
    state: isCutShort ? 'Cancelled' : hasFailed ? 'Failed' : 'Completed',
  }
}

/** What a window's types came to together. */
export function sumOf(ended: EndedRun | undefined): DrainCounts {
  return Object.values(ended?.result?.types ?? {}).reduce(joinCounts, noCounts)
}

function sumOfType(done: readonly Done[], type: BackfillPlan['types'][number]): DrainCounts {
  return done.reduce((sum, { ended }) => addCounts(sum, ended.result?.types[type] ?? noCounts), noCounts)
}

function isEmpty(ended: EndedRun): boolean {
  return sumOf(ended).read === 0
}

function countsOf({ read, written, rejected, duplicates, deleted, files }: DrainCounts) {
  return { read, written, rejected, duplicates, deleted, files }
}

export function numberOf(count: number, noun: string): string {
  return `${grouped(count)} ${count === 1 ? noun : `${noun}s`}`
}

function oneLine(message: string): string {
  return message.replaceAll('\n', ' ')
}
