import type { Row } from '../records/columns.ts'

/** Roughly how much a row weighs: the characters of its strings. */
export function charactersOf(row: Row): number {
  let characters = 0
  for (const name in row) {
    const value = row[name]
    if (typeof value === 'string') characters += value.length
    else if (typeof value === 'object' && value !== null) {
      for (const item of value) characters += item.length
    }
  }
  return characters
}
