import fc from 'fast-check'
import { isObject, type JsonObject } from '../../src/records/json.ts'

const LETTERS = ['a', '\0', '"', '\\', '\n', 'é', '日', '😀', '\ud800', '\udc00', '\u2028', '<', '/']

/** Texts of all that JSON can say, with lone surrogates and the escapes that encoders disagree on. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ unit: fc.constantFrom(...LETTERS), maxLength: 8 }),
)

/** Keys that mean something somewhere, beside arbitrary ones. */
const key = fc.oneof(
  text,
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '$type',
    '$link',
    '$text',
    '$event',
    '$shape',
    '$fields',
  ),
  fc.constantFrom('did', 'commit', 'record', 'text', 'langs', 'uri', 'cid', 'embed', '1', ''),
)

/** Any JSON value as JSON.parse gives it: numbers exact, `__proto__` a member like others. */
export const jsonValue: fc.Arbitrary<unknown> = fc
  .letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => (Object.is(number, -0) ? 0 : number)),
      text,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map(members => Object.fromEntries(members)),
    ),
  }))
  .value.map(value => JSON.parse(JSON.stringify(value)))

export const jsonObject: fc.Arbitrary<JsonObject> = jsonValue.filter(isObject)
