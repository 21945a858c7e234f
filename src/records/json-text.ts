import { isDeeperThan } from './json.ts'

/**
 * Real events nest to about ten levels. Up to this many, recursion over an event and JSON.stringify are far
 * from the end of the stack, which comes at some thousands.
 */
export const NESTING_MAX = 200

/**
 * True when `value`, which JSON.parse made of `text`, says all that the text says, and JSON.stringify can give
 * it back. Numbers beyond the precision of a double, -0, numbers in another spelling, keys that occur twice and
 * nesting beyond NESTING_MAX make it false. White space, the order of keys and escapes do not count.
 */
export function keepsMeaning(text: string, value: unknown): boolean {
  if (isDeeperThan(value, NESTING_MAX)) return false
  return text === JSON.stringify(value) || hasExactTokens(text)
}

/** True when brackets are open `levels` deep at some place of a text, which need not be valid JSON. */
export function nestsDeeperThan(text: string, levels: number): boolean {
  if (text.length <= levels) return false
  let open = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = endOfString(text, at)
      if (end === 0) return false
      at = end - 1
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      open += 1
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      open -= 1
    }
    if (open > levels) return true
  }
  return false
}

const QUOTE = 0x22
const COLON = 0x3a
const MINUS = 0x2d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** Looks at each number and each key of a valid JSON text once: a string before a colon is a key. */
function hasExactTokens(text: string): boolean {
  const keysOfOpenObjects: Set<string>[] = []
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = endOfString(text, at)
      const next = skipSpace(text, end)
      if (text.charCodeAt(next) === COLON && !isNewKey(keysOfOpenObjects.at(-1), text.slice(at, end))) {
        return false
      }
      at = next
    } else if (isDigit(code) || code === MINUS) {
      const end = endOfNumber(text, at)
      const number = text.slice(at, end)
      if (String(Number(number)) !== number) return false
      at = end
    } else {
      if (code === OPEN_BRACE) keysOfOpenObjects.push(new Set())
      if (code === CLOSE_BRACE) keysOfOpenObjects.pop()
      at += 1
    }
  }
  return true
}

/** Keys are compared after their escapes are read: "a" and "\u0061" are one key to JSON.parse. */
function isNewKey(keys: Set<string> | undefined, quoted: string): boolean {
  const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1)
  if (keys === undefined || keys.has(key)) return false
  keys.add(key)
  return true
}

/**
 * The index after the closing quote: the first quote that an even number of backslashes stands before. 0 where
 * there is none, in a text that is no JSON.
 */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1)
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1)
  return quote + 1
}

function isEscaped(text: string, at: number): boolean {
  let first = at
  while (text[first - 1] === '\\') first -= 1
  return (at - first) % 2 === 1
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at += 1
  return at
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && (isDigit(text.charCodeAt(at)) || '.eE+-'.includes(text.charAt(at)))) at += 1
  return at
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
