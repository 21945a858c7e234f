import { microsecondText, millisecondText } from '../iso-time.ts'
import { chance, pick, type Random, weighted } from './random.ts'

const DAY_US = 86_400_000_000

/** How clients write an instant: 94 % in milliseconds with Z, the rest as recorded events have them. */
export function makeCreatedAtText(random: Random, micros: number): string {
  const text = millisecondText(micros)
  if (chance(random, 0.94)) return text
  const plain = text.slice(0, 19)
  const digits = microsecondText(micros).slice(20, 26)
  switch (pick(random, spellings)) {
    case 'seconds':
      return `${plain}Z`
    case 'six digits':
      return `${plain}.${digits}Z`
    case 'seven digits':
      return `${plain}.${digits}3+00:00`
    case 'eight digits':
      return `${plain}.${digits}32Z`
    case 'offset':
      return `${millisecondText(micros + 2 * 3_600_000_000).slice(0, 23)}+02:00`
    case 'no zone':
      return `${plain}.${digits}`
    case 'years ago':
      return millisecondText(micros - 3650 * DAY_US)
  }
}

const spellings = weighted([
  ['seconds', 35],
  ['six digits', 25],
  ['seven digits', 15],
  ['eight digits', 5],
  ['offset', 10],
  ['no zone', 5],
  ['years ago', 5],
])
