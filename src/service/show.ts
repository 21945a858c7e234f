import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { Config } from '../config.ts'
import { OperatingError } from '../engine/errors.ts'
import { runQuery } from '../service.ts'

export type Shown = {
  readonly tree: string
  readonly sql: string
  /** Undefined where DuckDB does not load. */
  readonly answer: Awaited<ReturnType<typeof runQuery>> | undefined
}

const SQL =
  "SELECT coalesce(langs[1], 'none') AS lang, count(*) AS posts FROM posts GROUP BY ALL ORDER BY posts DESC, lang LIMIT 5"

/** Of each type this many files are listed; the others are counted. */
const FILES_LISTED = 3

/** A look at the dataset, for who sees it for the first time. */
export async function show(config: Config, signal: AbortSignal): Promise<Shown> {
  const tree = await treeOfNewestHour(config.dataDir)
  try {
    return { tree, sql: SQL, answer: await runQuery(config, SQL, signal) }
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    return { tree, sql: SQL, answer: undefined }
  }
}

/** The newest hour's folder, its types and their files with their sizes; empty where there is no file yet. */
async function treeOfNewestHour(dataDir: string): Promise<string> {
  let hour = dataDir
  for (const level of ['year=', 'month=', 'day=', 'hour=']) {
    const newest = (await namesIn(hour)).filter(name => name.startsWith(level)).at(-1)
    if (newest === undefined) return ''
    hour = join(hour, newest)
  }
  const lines = [`${hour}\n`]
  for (const type of await namesIn(hour)) {
    const files = (await namesIn(join(hour, type))).filter(name => name.endsWith('.parquet'))
    lines.push(`  ${type}\n`)
    for (const name of files.slice(-FILES_LISTED)) {
      const { size } = await stat(join(hour, type, name))
      lines.push(`    ${name}  ${(size / 1024).toFixed(0)} KiB\n`)
    }
    if (files.length > FILES_LISTED) lines.push(`    and ${files.length - FILES_LISTED} earlier ones\n`)
  }
  return lines.join('')
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).sort()
}
