import { compareIds, type EntryId } from '../records/stream-entry.ts'

/** Entries in a row: the first id, the last, and how many. */
export type Stretch = { readonly first: EntryId; readonly last: EntryId; readonly count: number }

/**
 * A stretch made longer by ids. Throws where they do not all lie behind it, each above the one before: an entry
 * twice in a commit, or out of order, is a fault of ours, and must not come to a record.
 */
export function stretched(stretch: Stretch | undefined, ids: readonly EntryId[]): Stretch | undefined {
  let last = stretch?.last
  for (const id of ids) {
    if (last !== undefined && compareIds(last, id) >= 0) {
      throw new Error(`entry ${id} came after ${last}: the ids of a commit must strictly increase`)
    }
    last = id
  }
  const first = stretch?.first ?? ids[0]
  if (first === undefined || last === undefined) return stretch
  return { first, last, count: (stretch?.count ?? 0) + ids.length }
}

/** Two lists of ids as one in order. Each must be in order itself; where one is not, neither is the result. */
export function mergedIds(a: readonly EntryId[], b: readonly EntryId[]): readonly EntryId[] {
  const merged: EntryId[] = []
  let atB = 0
  for (const id of a) {
    for (let next = b[atB]; next !== undefined && compareIds(next, id) < 0; next = b[atB]) {
      merged.push(next)
      atB += 1
    }
    merged.push(id)
  }
  return [...merged, ...b.slice(atB)]
}
