/** The error of a file that cannot be read: its path first, then the reader's reason in one line. */
export function unreadable(path: string, cause: unknown): Error {
  return new Error(`${path} cannot be read as a Parquet file: ${reasonOf(cause)}`, { cause })
}

export function unwritable(path: string, cause: unknown): Error {
  return new Error(`${path} cannot be written: ${reasonOf(cause)}`, { cause })
}

/** parquetjs-lite throws plain strings, and DuckDB adds the statement to its first line. */
function reasonOf(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return reason.split('\n', 1)[0] ?? ''
}
