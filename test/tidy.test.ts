import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import {
  circleOf,
  edgesOf,
  environmentReaders,
  type Files,
  forbiddenImports,
  packageOf,
} from './tidy/imports.ts'

const root = join(import.meta.dirname, '..')
type Locked = {
  readonly hasInstallScript?: boolean
  readonly optional?: boolean
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const src = filesUnder('src')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
const dependencies = Object.keys(manifest.dependencies)

describe('src', () => {
  test('imports inward only, and names each package only at its home', () => {
    expect(forbiddenImports(src, dependencies)).toEqual([])
  })

  test('has no circle of imports', () => {
    expect(circleOf(src)).toEqual([])
  })

  test('reads the environment in config.ts alone', () => {
    expect(environmentReaders(src)).toEqual([])
  })

  test('imports every dependency of package.json', () => {
    const imported = new Set(edgesOf(src).map(it => packageOf(it.name)))
    expect(dependencies.filter(it => !imported.has(it))).toEqual([])
  })
})

test('a file has at most 300 lines', () => {
  const long = [...filesUnder('src', 'test', 'scripts')].filter(
    ([, it]) => it.trimEnd().split('\n').length > 300,
  )
  expect(long.map(([path]) => path)).toEqual([])
})

test('every version is exact, and no package needs a script or names a host when it is installed', () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
  expect(versions.filter(([, it]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(it)))).toEqual([])
  const locked = Object.entries<Locked>(lock.packages)
  expect(locked.filter(([, it]) => (it.hasInstallScript && !it.optional) || it.resolved)).toEqual([])
  expect(readFileSync(join(root, '.npmrc'), 'utf8')).toContain('ignore-scripts=true')
})

test('package-lock.json holds the packages of every platform, without which npm ci refuses', () => {
  const wanted = Object.values<Locked>(lock.packages).flatMap(it =>
    Object.keys(it.optionalDependencies ?? {}),
  )
  const paths = Object.keys(lock.packages)
  expect(wanted.filter(name => !paths.some(path => path.endsWith(`node_modules/${name}`)))).toEqual([])
})

test.skipIf(!existsSync(join(root, '.git')))(
  'no text leaves work undone or points outside the repository',
  () => {
    const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
    const paths = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0')
    const undone = /\b(?:TO[D]O|FIX[M]E)\b/
    const found = paths.filter(path => {
      if (path === '' || !existsSync(join(root, path))) return false
      const text = readFileSync(join(root, path), 'utf8')
      if (text.includes('\0')) return false
      // Tests use sample data that lies beside the repository, where there is some.
      return undone.test(text) || (text.includes('../shared') && !/^(test|scripts\/test)/.test(path))
    })
    expect(found).toEqual([])
  },
)

function filesUnder(...folders: string[]): Files {
  const paths = folders.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(it => join(folder, it)),
  )
  return new Map(paths.filter(it => it.endsWith('.ts')).map(it => [it, readFileSync(join(root, it), 'utf8')]))
}
