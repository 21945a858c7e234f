import { posix } from 'node:path'

const inner = ['engine', 'records', 'flows']

/**
 * What each folder of src may import beside itself. A file of src itself, such as service.ts, may import all, and
 * so may service/, which plugs the parts together.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  records: [],
  engine: [],
  flows: ['engine', 'records'],
  ...Object.fromEntries(
    ['streams', 'parquet', 'dataset', 'embedded', 'runs', 'metrics', 'slack', 'workers', 'server'].map(it => [
      it,
      inner,
    ]),
  ),
  cli: [...inner, 'config', 'config.ts', 'log.ts', 'service', 'service.ts', 'status.ts'],
  service: ['*'],
  config: [],
  'config.ts': ['config'],
}

/** The only folders that name a package. Packages that are not listed may be imported anywhere in src. */
const homes: Readonly<Record<string, readonly string[]>> = {
  ioredis: ['streams'],
  'parquetjs-lite': ['parquet'],
  '@duckdb/node-api': ['parquet'],
  hyparquet: ['parquet'],
  'hyparquet-compressors': ['parquet'],
  bullmq: ['workers'],
  'prom-client': ['metrics'],
  '@slack/webhook': ['slack'],
  fastify: ['server'],
  pino: ['log.ts'],
  commander: ['cli', 'cli.ts'],
  zod: ['config', 'config.ts', 'flows', 'engine', 'workers', 'cli'],
}

export type Files = ReadonlyMap<string, string>

/** The code without its comments. Strings are matched first, since one may hold what looks like a comment. */
function codeOf(source: string): string {
  const token = /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return source.replace(token, (_, text?: string) => text ?? ' ')
}

/** Every module a source names: static, type-only, re-exported, dynamic and required. */
export function importsOf(source: string): string[] {
  const named = /(?:^|[\s;}])(?:import|export)\s*(?:[\w$*,{}\s]+?\bfrom\s*)?['"]([^'"\n]+)['"]/g
  const called = /\b(?:import|require|require\.resolve)\s*\(\s*['"`]([^'"`\n]+)['"`]/g
  const code = codeOf(source)
  return [...code.matchAll(named), ...code.matchAll(called)].flatMap(it => it[1] ?? [])
}

const layerOf = (path: string) => path.split('/')[1] ?? ''
export const packageOf = (name: string) => name.split('/', name.startsWith('@') ? 2 : 1).join('/')
const targetOf = (path: string, name: string) => posix.join(posix.dirname(path), name)

export function edgesOf(files: Files) {
  return [...files].flatMap(([path, source]) => importsOf(source).map(name => ({ path, name })))
}

/** Imports that the two tables forbid, and modules that src must not know. */
export function forbiddenImports(files: Files, packages: readonly string[]): string[] {
  const forbidden = edgesOf(files).filter(({ path, name }) => {
    const from = layerOf(path)
    if (name.startsWith('node:')) return name === 'node:process'
    if (!name.startsWith('.')) {
      return !packages.includes(packageOf(name)) || homes[packageOf(name)]?.includes(from) === false
    }
    const target = targetOf(path, name)
    if (target === 'package.json') return false
    if (!target.startsWith('src/') || (mayImport[from] === undefined && !from.endsWith('.ts'))) return true
    const allowed = mayImport[from]
    return layerOf(target) !== from && !(allowed ?? ['*']).some(it => it === '*' || it === layerOf(target))
  })
  return forbidden.map(({ path, name }) => `${path} imports ${name}`)
}

/** The first circle of imports, or nothing. */
export function circleOf(files: Files): readonly string[] {
  const done = new Set<string>()
  function visit(path: string, way: readonly string[]): readonly string[] {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path]
    if (done.has(path)) return []
    const names = importsOf(files.get(path) ?? '').filter(it => it.startsWith('.'))
    const circle = names.map(it => visit(targetOf(path, it), [...way, path])).find(it => it.length > 0)
    done.add(path)
    return circle ?? []
  }
  return [...files.keys()].map(it => visit(it, [])).find(it => it.length > 0) ?? []
}

export function environmentReaders(files: Files): string[] {
  const reads = /\bprocess\s*(\??\.\s*env\b|\[)|\benv\b[^;=]*\}\s*=\s*process\b/
  return [...files]
    .filter(([path, it]) => path !== 'src/config.ts' && reads.test(codeOf(it)))
    .map(([path]) => path)
}
