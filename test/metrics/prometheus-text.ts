export type Family = { readonly help: string; readonly type: string }

export type Scrape = {
  readonly families: ReadonlyMap<string, Family>
  /** By name and labels as they stand in the text: `up{job="a"}`. */
  readonly samples: ReadonlyMap<string, number>
}

/**
 * Reads the text format as strictly as Prometheus and promtool do: each family has one HELP and one TYPE, before
 * its samples and nowhere else; no sample stands twice; the last line ends. Throws where that is not so.
 */
export function parseScrape(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('The text does not end with a line end.')
  const families = new Map<string, { help: string; type: string }>()
  const samples = new Map<string, number>()
  let current = ''
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-z][a-z0-9_]*) (.+)$/.exec(line) ?? []
    if (kind === 'HELP') {
      if (families.has(name)) throw new Error(`${name} has two HELPs.`)
      families.set(name, { help: rest, type: '' })
      current = name
    } else if (kind === 'TYPE') {
      const family = families.get(name)
      if (family === undefined || family.type !== '' || current !== name) {
        throw new Error(`The TYPE of ${name} is out of place.`)
      }
      family.type = rest
    } else {
      const [, series, sampleName, value] = sampleLine.exec(line) ?? []
      if (series === undefined || sampleName === undefined) throw new Error(`This is no sample: ${line}`)
      if (!belongs(sampleName, current, families.get(current)?.type)) {
        throw new Error(`${sampleName} stands below ${current}.`)
      }
      if (samples.has(series)) throw new Error(`${series} stands twice.`)
      samples.set(series, numberOf(value ?? ''))
    }
  }
  return { families, samples }
}

const sampleLine =
  /^(([a-zA-Z_][a-zA-Z0-9_]*)(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})?) (-?[\d.e+-]+|Nan|[+-]Inf)$/

function belongs(sample: string, family: string, type: string | undefined): boolean {
  if (sample === family) return true
  const suffixes =
    type === 'histogram' ? ['_bucket', '_sum', '_count'] : type === 'summary' ? ['_sum', '_count'] : []
  return suffixes.some(suffix => sample === `${family}${suffix}`)
}

function numberOf(text: string): number {
  return text.endsWith('Inf') ? Number(`${text}inity`) : Number(text)
}
