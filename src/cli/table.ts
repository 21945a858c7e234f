/** Rows under headings, columns aligned: numbers to the right, all else to the left. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const texts = [headings, ...rows.map(row => row.map(cellText))]
  const widths = headings.map((_, column) =>
    texts.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  )
  const toTheRight = headings.map((_, column) => rows.some(row => typeof row[column] === 'number'))
  return texts.map(row => lineOf(row, widths, toTheRight)).join('')
}

function lineOf(row: readonly string[], widths: readonly number[], toTheRight: readonly boolean[]): string {
  const cells = row.map((text, column) =>
    toTheRight[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0),
  )
  return `${cells.join('  ').trimEnd()}\n`
}

function cellText(cell: string | number | null): string {
  return typeof cell === 'number' ? grouped(cell) : printable(cell ?? '')
}

/** 1,234,567 */
export function grouped(number: number): string {
  return number.toLocaleString('en-US')
}

/** Event texts reach a terminal here: no control character of theirs may. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, character => {
    const code = character.codePointAt(0) ?? 0
    return character === '\n' ? '⏎' : `\\u{${code.toString(16)}}`
  })
}
