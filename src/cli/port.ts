import { UsageError } from './context.ts'

/** Parses `--port`: 0 for any free one. */
export function portOption(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new UsageError(`--port is '${text}'; it must be a port, 0 to 65535.`)
}
