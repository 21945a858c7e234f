import type { Command } from 'commander'

import { readStatus } from '../status.ts'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

export function addStatus(program: Command, context: CliContext): void {
  program
    .command('status')
    .summary('how full the streams are, and how old')
    .description(
      'Shows each stream: its length, what of it is written and not yet deleted, the age of its oldest entry.',
    )
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Exits with 1 where an entry has waited for more than 15 minutes, with 69 where Redis does not answer.

Example:
  skydrain status --json`,
    )
    .action((options: { json?: boolean }) => status(options, context))
}

async function status({ json }: { json?: boolean }, context: CliContext): Promise<void> {
  const found = await readStatus(context.config(), Date.now())
  if (json) context.print(`${JSON.stringify(found)}\n`)
  else {
    const rows = found.streams.map(it => [it.stream, it.length, it.pending, ageText(it.oldest_age_seconds)])
    context.print(table(['stream', 'length', 'pending', 'oldest'], rows))
    const { last_run: last } = found
    context.print(
      last === null
        ? 'No run has committed anything yet.\n'
        : `Last commit ${last.committed_at}: run ${last.run_id}\n`,
    )
    if (!found.healthy)
      context.print(`${context.colour('red', 'Unhealthy')}: an entry has waited for more than 15 minutes.\n`)
  }
  if (!found.healthy) context.exitWith(1)
}

function ageText(seconds: number | null): string {
  if (seconds === null) return ''
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3_600)} h`
}
