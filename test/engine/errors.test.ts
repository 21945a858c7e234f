import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { type ErrorCode, errorCodes, OperatingError, toError } from '../../src/engine/errors.ts'

const codes = Object.keys(errorCodes) as ErrorCode[]
const docs = join(import.meta.dirname, '../../docs/errors.md')

test('an operating error carries its code, its sentence and its cause', () => {
  const cause = new Error('ENOSPC')
  const error = new OperatingError('disk-full', 'The disk is full.', { cause })
  expect(error).toBeInstanceOf(Error)
  expect({ ...error, message: error.message, cause: error.cause, exitCode: error.exitCode }).toEqual({
    name: 'OperatingError',
    code: 'disk-full',
    message: 'The disk is full.',
    cause,
    exitCode: 1,
  })
})

test('a Redis that cannot be used ends the command with 69, everything else with 1', () => {
  const at69 = codes.filter(code => new OperatingError(code, '').exitCode === 69)
  expect(at69).toEqual(['redis-unreachable', 'redis-refused', 'redis-too-old'])
  expect(new Set(codes.map(code => new OperatingError(code, '').exitCode))).toEqual(new Set([1, 69]))
})

test('only what passes by itself is tried again: nothing of the disk, and no refusal', () => {
  const retried = codes.filter(code => new OperatingError(code, '').retry)
  expect(retried).toEqual(['redis-unreachable', 'redis-error', 'reply-too-large', 'staging-gone'])
})

test('anything that was thrown becomes an Error, and an Error stays the same', () => {
  const error = new TypeError('kept')
  expect(toError(error)).toBe(error)
  expect(toError('a text')).toEqual(new Error('a text'))
  expect(toError(undefined)).toEqual(new Error('undefined'))
})

test('docs/errors.md explains every error code in a section of its own, and no other', () => {
  expect(existsSync(docs), 'docs/errors.md is missing: a section `## <code>` for each error code').toBe(true)
  const sections = readFileSync(docs, 'utf8').split(/^## /m).slice(1)
  const explained = sections.map(section => section.split('\n', 1)[0]?.trim().replaceAll('`', ''))
  expect(explained.toSorted()).toEqual(codes.toSorted())
  for (const section of sections) expect(section.split('\n').slice(1).join('').trim()).not.toBe('')
})
