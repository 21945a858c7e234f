import type { Window } from '../flows/windows.ts'
import type { EventType } from '../records/event-type.ts'
import type { BackfillPlan } from './backfill-plan.ts'
import { numberOf, timeText } from './backfill-report.ts'
import type { CliContext } from './context.ts'
import { Progress } from './progress.ts'
import { grouped, table } from './table.ts'

type Counted = {
  readonly window: Window
  readonly types: Readonly<Partial<Record<EventType, number>>>
  readonly entries: number
}

/** Counts what a backfill would find in each window, and starts nothing. */
export async function dryRun(
  plan: BackfillPlan,
  { json }: { readonly json?: boolean },
  context: CliContext,
): Promise<void> {
  const { countEntries } = await import('../service/backfill.ts')
  const progress = new Progress(context.showsProgress)
  const onRead = (entries: number) => progress.show(`${grouped(entries)} entries counted`)
  try {
    const counts = await countEntries(context.config(), plan, { signal: context.signal, onRead })
    const windows = plan.windows.map((window, at) => {
      const types = Object.fromEntries(plan.types.map(type => [type, counts.get(type)?.[at] ?? 0]))
      return { window, types, entries: sum(Object.values(types)) }
    })
    progress.clear()
    const text = json ? `${JSON.stringify(documentOf(windows, plan))}\n` : textOf(windows, plan)
    context.print(text)
  } finally {
    progress.clear()
  }
}

function documentOf(windows: readonly Counted[], { types }: BackfillPlan) {
  return {
    windows: windows.map(({ window, ...counts }) => ({
      from: window.from.toISO(),
      to: window.to.toISO(),
      ...counts,
    })),
    types: Object.fromEntries(types.map(type => [type, sumOfType(windows, type)])),
    entries: sum(windows.map(it => it.entries)),
  }
}

function textOf(windows: readonly Counted[], { types }: BackfillPlan): string {
  const filled = windows.filter(it => it.entries > 0)
  const rows = filled.map(({ window, types: counts, entries }) => [
    timeText(window.from),
    timeText(window.to),
    ...types.map(type => counts[type] ?? 0),
    entries,
  ])
  const entries = sum(windows.map(it => it.entries))
  const totals = ['all', '', ...types.map(type => sumOfType(windows, type)), entries]
  const empty = windows.length - filled.length
  const others = empty > 0 ? `${numberOf(empty, 'window')} without entries.\n` : ''
  return `${filled.length > 0 ? table(['from', 'to', ...types, 'total'], [...rows, totals]) : ''}${others}Nothing was started: without --dry-run it would drain ${grouped(entries)} ${entries === 1 ? 'entry' : 'entries'} in ${numberOf(windows.length, 'window')}.\n`
}

function sumOfType(windows: readonly Counted[], type: EventType): number {
  return sum(windows.map(it => it.types[type] ?? 0))
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
