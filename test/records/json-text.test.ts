import fc from 'fast-check'
import { assert, describe, expect, test } from 'vitest'
import { keepsMeaning, NESTING_MAX } from '../../src/records/json-text.ts'
import { jsonValue } from './json-values.ts'

const keeps = (text: string) => keepsMeaning(text, JSON.parse(text))

describe('a value says all of', () => {
  test.each([
    '{"b":1,"a":2}',
    '{"2":1,"1":2}',
    ' { "a" : [ 1 , 2.5e-7 , true , null ] , "b" : { } } ',
    '{"a":"\\u003c\\u0026\\/\\u00e9\\ud83d\\ude00"}',
    '{"a":"\\"1.0\\" : \\\\","b":"\\\\\\""}',
    '{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}',
    '{"a":{"a":{"a":"a"}}}',
    '[9007199254740991,-9007199254740991,1e+21,0,5e-324]',
    '{"__proto__":1,"constructor":2}',
    '"a:b"',
    '{"a":"\\ud800"}',
    '{ "a\\u0000b":1, "a":2 }',
  ])('%s', text => {
    expect(keeps(text)).toBe(true)
  })
})

describe('a value does not say all of', () => {
  test.each([
    '{"a":9007199254740993}',
    '[1e400]',
    '[-1e400]',
    '[-0]',
    '[-0.0]',
    '[1.0]',
    '[1E5]',
    '[1e5]',
    '[0.1000]',
    '[0.30000000000000004000001]',
    '[1e-400]',
    '{"a":1,"a":1}',
    '{"a":1, "b":2, "a" :3}',
    '{"a":1,"\\u0061":1}',
    '{"\\ud83d\\ude00":1,"😀":2}',
    '{"x":{"y":[{"a":1,"a":2}]}}',
    '{"__proto__":1,"__proto__":2}',
    '{"a\\"":1,"a\\u0022":2}',
    '{"a":{"b":1},"c":2,"a":3}',
  ])('%s', text => {
    expect(keeps(text)).toBe(false)
  })
})

test('the limit of nesting is the same for lists and objects', () => {
  const lists = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
  const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  for (const nested of [lists, objects]) {
    expect(keeps(nested(NESTING_MAX))).toBe(true)
    expect(keeps(nested(NESTING_MAX + 1))).toBe(false)
    expect(keeps(nested(1_000_000))).toBe(false)
  }
})

test('any value is kept, however its text is spaced and escaped', () => {
  fc.assert(
    fc.property(jsonValue, fc.constantFrom('', ' ', '\n\t'), (value, space) => {
      const text = JSON.stringify(value, null, space).replace(/[^\x20-\x7e\n\t]/g, escaped)
      assert(keeps(text), text)
    }),
  )
})

test('a key that comes again is found wherever it stands', () => {
  fc.assert(
    fc.property(jsonValue, fc.string({ unit: 'binary' }), (value, key) => {
      const member = `${JSON.stringify(key)}:${JSON.stringify(value)}`
      const again = `${[...JSON.stringify(key).slice(1, -1)].length > 0 ? escapedKey(key) : '""'}:1`
      assert(!keeps(`{"outer":[{${member},"between":{},${again}}]}`))
    }),
  )
})

function escapedKey(key: string): string {
  return `"${Array.from({ length: key.length }, (_, at) => escaped(key.charAt(at))).join('')}"`
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
