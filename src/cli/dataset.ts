import type { Command } from 'commander'

import { type Auditor, openAuditor, runQuery } from '../service.ts'
import { type CliContext, UsageError } from './context.ts'
import { Progress } from './progress.ts'
import { grouped, table } from './table.ts'

export function addVerify(program: Command, context: CliContext): void {
  program
    .command('verify')
    .summary('check every file of the dataset against its commit log')
    .description(
      'Opens every file and compares it with the commit log: rows, bytes, checksums, ids; looks for rows that stand twice and for files that nobody committed.',
    )
    .option('--repair', 'first finish what crashed runs left: publish, and clean the staging; deletes no row')
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      `
Exits with 1 where the dataset is not what its log says.

Examples:
  skydrain verify
  skydrain verify --repair --json`,
    )
    .action((options: VerifyOptions) => verify(options, context))
}

type VerifyOptions = { readonly repair?: boolean; readonly json?: boolean }

async function verify(options: VerifyOptions, context: CliContext): Promise<void> {
  const { part: auditor, close } = await openAuditor(context.config(), context.tell)
  const progress = new Progress(context.showsProgress)
  try {
    if (options.repair) await auditor.repair()
    const verdict = await auditor.verify(
      ({ files, of }) => progress.show(`${grouped(files)} of ${grouped(of)} files`),
      context.signal,
    )
    progress.clear()
    if (options.json) context.print(`${JSON.stringify(verdict)}\n`)
    else {
      for (const { path, message } of verdict.problems) context.print(`${path}\n  ${message}\n`)
      context.print(`${context.colour(verdict.ok ? 'green' : 'red', summary(verdict))}\n`)
    }
    if (!verdict.ok) context.exitWith(1)
  } finally {
    progress.clear()
    await close()
  }
}

function summary({
  ok,
  problems,
  files,
  rows,
  duplicates,
  missing,
  orphans,
}: Awaited<ReturnType<Auditor['verify']>>): string {
  const found = problems.length === 1 ? '1 problem' : `${grouped(problems.length)} problems`
  const verdict = ok ? 'All is well' : found
  const counts = `${grouped(files)} files, ${grouped(rows)} rows, ${duplicates} duplicates, ${missing} missing, ${orphans} orphans`
  const unfinished =
    ok && orphans > 0 ? ' (left by unfinished attempts in _staging; a later run removes them)' : ''
  return `${verdict}: ${counts}${unfinished}`
}

export function addQuery(program: Command, context: CliContext): void {
  program
    .command('query')
    .summary('run SQL over the dataset')
    .description('Runs SQL over the views posts, likes, reposts, follows and blocks, with DuckDB, in UTC.')
    .argument('<sql>', 'one statement')
    .option('--json', 'print the rows as a JSON array of objects')
    .addHelpText(
      'after',
      `
Examples:
  skydrain query "SELECT operation, count(*) FROM likes GROUP BY ALL"
  skydrain query --json "SELECT text FROM posts WHERE list_contains(langs, 'pt') LIMIT 10"`,
    )
    .action((sql: string, options: { json?: boolean }) => query(sql, options, context))
}

async function query(sql: string, { json }: { json?: boolean }, context: CliContext): Promise<void> {
  if (sql.trim() === '') throw new UsageError('The SQL is empty; try "SELECT count(*) FROM posts".')
  const { columns, rows } = await runQuery(context.config(), sql, context.signal)
  if (json) {
    const objects = rows.map(row => Object.fromEntries(columns.map((name, at) => [name, row[at]])))
    context.print(`${JSON.stringify(objects)}\n`)
  } else {
    context.print(
      table(
        columns,
        rows.map(row => row.map(cellOf)),
      ),
    )
    context.print(`${grouped(rows.length)} ${rows.length === 1 ? 'row' : 'rows'}\n`)
  }
}

function cellOf(value: unknown): string | number | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'number' || typeof value === 'string') return value
  return JSON.stringify(value)
}
