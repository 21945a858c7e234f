/** No excerpt is longer; what is masked beyond it would be cut off anyway, and a megabyte takes time. */
const LOOKED_AT = 20_000

const masks: readonly (readonly [RegExp, string])[] = [
  [/(hooks\.slack\.com)\/\S+/gi, '$1/***'],
  [
    /(password|passwd|secret|token|api[_-]?key|authorization)(["']?\s{0,3}[=:]\s{0,3})(bearer |basic )?\S+/gi,
    '$1$2***',
  ],
]

/** Everything that could draw over its surroundings, turn the direction of text around, or break out of code. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
const harmful = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]/gu

/**
 * A text of somebody else's, as it may be shown: secrets masked, line ends kept, other control characters and
 * lone surrogates as U+FFFD, backticks as apostrophes. Of a very long text only the beginning is returned.
 */
export function harmless(text: string): string {
  const start = text.slice(0, LOOKED_AT)
  const masked = masks.reduce((it, [pattern, mask]) => it.replace(pattern, mask), maskLogins(start))
  return masked
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll('\t', ' ')
    .replaceAll(harmful, '\ufffd')
    .replaceAll('`', "'")
}

/** `//user:password@host` becomes `//***@host`. Word by word, because one pattern for it takes quadratic time. */
function maskLogins(text: string): string {
  return text.replaceAll(/\S+/g, word => {
    // Three slashes begin a file's path, which may well hold the @ of a package.
    const from = word.search(/(?<!\/)\/\/(?!\/)/)
    const to = word.lastIndexOf('@')
    return from >= 0 && to > from ? `${word.slice(0, from)}//***${word.slice(to)}` : word
  })
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Harmless and escaped, at most `max` UTF-16 units long with its escapes; what was cut off shows as `…`. */
export function fitted(text: string, max: number): string {
  let fit = ''
  for (const character of harmless(text)) {
    const next = entities[character] ?? character
    if (fit.length + next.length > max - 1) return `${fit}…`
    fit += next
  }
  return text.length > LOOKED_AT ? `${fit}…` : fit
}

/** The same without line ends and runs of spaces. */
export function oneLine(text: string, max: number): string {
  return fitted(harmless(text).replaceAll(/\s+/g, ' ').trim(), max)
}

/** Between backticks no star or underscore of it means anything. */
export function code(text: string, max = 150): string {
  return `\`${oneLine(text, max) || '-'}\``
}

export function codeBlock(text: string, max: number): string {
  return `\`\`\`\n${fitted(text, max) || '-'}\n\`\`\``
}

const CELL_MAX = 40
const ROWS_MAX = 10

/** Rows with aligned columns, the first one to the left; of more than ten rows, the first ten and a `…`. */
export function codeTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.slice(0, ROWS_MAX + 1).map(row => row.map(cell => cell.slice(0, CELL_MAX)))
  const widths = (cells[0] ?? []).map((_, at) => Math.max(...cells.map(row => row[at]?.length ?? 0)))
  const lines = cells.map(row =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  return codeBlock([...lines, ...(rows.length > cells.length ? ['…'] : [])].join('\n'), 2_000)
}

/** A link to a page below a base URL; a user and password in the base stay out of it. */
export function link(base: string, path: string, label: string): string {
  const url = new URL(base)
  url.username = ''
  url.password = ''
  url.search = ''
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`
  return `<${url.href.replaceAll('&', '&amp;').replaceAll('|', '%7C')}|${label}>`
}
