import type { Command } from 'commander'

import type { WholeStatus } from '../service/status.ts'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

export function addStatus(program: Command, context: CliContext): void {
  program
    .command('status')
    .summary('streams, last runs, workers: is all well?')
    .description(
      'Shows each stream (its length, what of it is written and not yet deleted, the age of its oldest entry), the last runs, the workers and the next run.',
    )
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Exits with 1 where something is wrong: an entry has waited for three intervals of the schedule, the last run has
failed, a schedule is set and no worker is there, the queue is away. Exits with 69 where the buffer does not answer.

Example:
  skydrain status --json`,
    )
    .action((options: { json?: boolean }) => status(options, context))
}

async function status({ json }: { json?: boolean }, context: CliContext): Promise<void> {
  const { readWholeStatus } = await import('../service/status.ts')
  const found = await readWholeStatus(context.config())
  context.print(json ? `${JSON.stringify(found)}\n` : statusText(found, context))
  if (!found.healthy) context.exitWith(1)
}

function statusText(found: WholeStatus, context: CliContext): string {
  const streams = found.streams.map(it => [it.stream, it.length, it.pending, ageText(it.oldest_age_seconds)])
  const runs = found.runs.map(it => [
    it.time,
    it.flow,
    it.state,
    it.duration_seconds === null ? '' : `${it.duration_seconds.toFixed(1)} s`,
    it.run_id,
  ])
  const last = found.last_run
  const parts = [
    table(['stream', 'length', 'pending', 'oldest'], streams),
    ...(runs.length > 0 ? ['\n', table(['run', 'flow', 'state', 'took', 'id'], runs)] : []),
    last === null
      ? 'No run has committed anything yet.\n'
      : `Last commit ${last.committed_at}: run ${last.run_id}\n`,
    `Workers: ${found.workers}. ${found.next_run_at === null ? 'No schedule is set.' : `The next run is due at ${found.next_run_at}.`}\n`,
    ...found.problems.map(problem => `${context.colour('red', 'Unhealthy')}: ${problem}.\n`),
  ]
  return parts.join('')
}

function ageText(seconds: number | null): string {
  if (seconds === null) return ''
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3_600)} h`
}
