import { plcDid } from './identifiers.ts'
import { below, chance, type NonEmpty, pick, type Random } from './random.ts'

export type PostText = { readonly text: string; readonly facets: readonly object[]; readonly langs: string[] }

type Feature = { readonly $type: string; readonly [key: string]: string }

const BYTES_MEDIAN = 99
const BYTES_MAX = 900
/** Spread of the logarithm that gives the measured mean of 126 bytes. */
const BYTES_SIGMA = 0.69

const wordsOf = {
  en: 'the a of and to in is it you that this was for on are with just people my so what really today new they when have some know good time like cat coffee morning game & <3 still never why because'.split(
    ' ',
  ),
  ja: '今日 は とても 良い 天気 です ね おはよう 猫 が かわいい 仕事 終わり 明日 新しい 絵 を 描き ました ありがとう'.split(
    ' ',
  ),
  pt: 'o que não uma com para você isso mas muito gente hoje aqui então porque coração amanhã também só já'.split(
    ' ',
  ),
  ru: 'и не на что это как с по мы сегодня очень хорошо утро кот работа день почему новый'.split(' '),
}
const langs: NonEmpty<keyof typeof wordsOf> = [
  'en',
  'en',
  'en',
  'en',
  'en',
  'en',
  'en',
  'ja',
  'ja',
  'pt',
  'ru',
]
const emojis: NonEmpty<string> = ['😀', '🎉', '👩‍👩‍👧', '🏳️‍🌈', '💙', '𝓈𝓀𝓎', '🐈‍⬛', '✨', '🇧🇷', '😭']
const tags: NonEmpty<string> = ['art', 'caturday', 'photography', '絵', 'booksky', 'NowPlaying', 'météo']

/** Words up to a length drawn as measured on the network, some with links, mentions and tags at their right bytes. */
export function makePostText(random: Random): PostText {
  if (chance(random, 0.01)) return { text: '', facets: [], langs: ['en'] }
  const lang = pick(random, langs)
  const words = wordsOf[lang]
  const hasFacets = chance(random, 0.13)
  const bytesMax = Math.min(BYTES_MAX, BYTES_MEDIAN * Math.exp(BYTES_SIGMA * normal(random)))
  const facets: object[] = []
  let text = ''
  let bytes = 0
  const append = (part: string) => {
    text += part
    bytes += Buffer.byteLength(part)
  }
  while (bytes < bytesMax) {
    if (bytes > 0) append(chance(random, 0.04) ? '\n' : ' ')
    if (hasFacets && chance(random, facets.length === 0 ? 0.3 : 0.05)) {
      const [word, feature] = makeFeature(random)
      const byteStart = bytes
      append(word)
      facets.push({ features: [feature], index: { byteEnd: bytes, byteStart } })
    } else {
      append(chance(random, 0.02) ? pick(random, emojis) : (words[below(random, words.length)] ?? ''))
    }
  }
  return { text, facets, langs: langsOf(random, lang) }
}

function makeFeature(random: Random): readonly [string, Feature] {
  const kind = random()
  if (kind < 0.57) {
    const path = `example.com/${below(random, 1e6)}`
    return [path, { $type: 'app.bsky.richtext.facet#link', uri: `https://${path}` }]
  }
  if (kind < 0.8) {
    const tag = pick(random, tags)
    return [`#${tag}`, { $type: 'app.bsky.richtext.facet#tag', tag }]
  }
  const handle = `@user${below(random, 1e5)}.bsky.social`
  if (kind < 0.98) return [handle, { $type: 'app.bsky.richtext.facet#mention', did: plcDid(random) }]
  return [handle, { $type: 'app.bsky.richtext.facet#future', what: handle }]
}

/** Bare and regional tags are mixed; now and then there are two, or none. */
function langsOf(random: Random, lang: string): string[] {
  const kind = random()
  if (kind < 0.001) return []
  if (kind < 0.02) return [lang, 'en-US']
  return kind < 0.2 && lang === 'en' ? ['en-US'] : [lang]
}

/** Normally distributed around 0 with a spread of 1 (Box and Muller). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
