import { collectionOf } from '../event-type.ts'
import { withoutNulls } from '../json.ts'
import { blobCid } from './identifiers.ts'
import { makePostText } from './post-text.ts'
import { below, chance, type NonEmpty, pick, type Random, weighted } from './random.ts'

export type Ref = { readonly cid: string; readonly uri: string }

/** The record of a post: shares of replies, embeds, labels and oddities as measured on recorded posts. */
export function makePostRecord(random: Random, createdAt: string, anyPost: () => Ref): object {
  const { text, facets, langs } = makePostText(random)
  const isOdd = chance(random, 0.01)
  return withoutNulls({
    $type: collectionOf.posts,
    createdAt,
    embed: chance(random, text === '' ? 1 : 0.2) ? makeEmbed(random, anyPost) : null,
    facets: facets.length > 0 ? facets : null,
    labels: chance(random, 0.003) ? selfLabels : null,
    langs: chance(random, 0.27) ? null : langs,
    reply: chance(random, 0.42) ? makeReply(random, anyPost) : null,
    tags: chance(random, 0.002) ? ['art', 'a, b'] : null,
    text,
    ...(isOdd ? pick(random, oddMembers) : {}),
  })
}

const selfLabels = { $type: 'com.atproto.label.defs#selfLabels', values: [{ val: 'nudity' }] }

/** Members outside the lexicon, as bridges and small clients write them. */
const oddMembers: NonEmpty<object> = [
  { bridgyOriginalText: '<p>Hello</p>', bridgyOriginalUrl: 'https://example.social/@a/1' },
  { lang: 'en', type: 'post' },
  { via: 'a-small-client', lol: true },
  { entities: [{ index: { end: 4, start: 0 }, type: 'link', value: 'https://example.com' }] },
]

function makeReply(random: Random, anyPost: () => Ref): object {
  const parent = anyPost()
  return { parent, root: chance(random, 0.46) ? parent : anyPost() }
}

const embedKinds = weighted([
  ['images', 49],
  ['external', 25],
  ['record', 15],
  ['recordWithMedia', 4],
  ['video', 4],
  ['gallery', 1],
  ['odd', 2],
])

function makeEmbed(random: Random, anyPost: () => Ref): object {
  const kind = pick(random, embedKinds)
  switch (kind) {
    case 'record':
      return { $type: 'app.bsky.embed.record', record: anyPost() }
    case 'recordWithMedia':
      return {
        $type: 'app.bsky.embed.recordWithMedia',
        media: makeMedia(random, pick(random, ['images', 'images', 'external', 'video'])),
        record: { $type: 'app.bsky.embed.record', record: anyPost() },
      }
    case 'odd':
      return { $type: 'N/A', media: [{ image: 'none' }] }
    default:
      return makeMedia(random, kind)
  }
}

function makeMedia(random: Random, kind: 'images' | 'external' | 'video' | 'gallery'): object {
  const $type = `app.bsky.embed.${kind}`
  switch (kind) {
    case 'images':
      return { $type, images: Array.from({ length: pick(random, imageCounts) }, () => makeImage(random)) }
    case 'gallery':
      return { $type, items: Array.from({ length: 5 }, () => makeImage(random)) }
    case 'video':
      return { $type, aspectRatio: { height: 1080, width: 1920 }, video: makeBlob(random, 'video/mp4') }
    case 'external': {
      const uri = `https://news.example.com/${below(random, 1e7)}`
      const thumb = chance(random, 0.8) ? makeBlob(random, 'image/jpeg') : null
      const external = { description: 'What happened, and why it matters', thumb, title: 'The news', uri }
      return { $type, external: withoutNulls(external) }
    }
  }
}

const imageCounts = weighted([
  [1, 80],
  [2, 11],
  [3, 5],
  [4, 4],
])

function makeImage(random: Random): object {
  const alt = chance(random, 0.4) ? `A picture of a cat, number ${below(random, 1000)}` : ''
  if (chance(random, 0.02)) return { alt, image: { cid: blobCid(random), mimeType: 'image/png' } }
  const aspectRatio = { height: 600 + below(random, 1400), width: 600 + below(random, 1400) }
  return { alt, aspectRatio, image: makeBlob(random, 'image/jpeg') }
}

function makeBlob(random: Random, mimeType: string): object {
  return { $type: 'blob', ref: { $link: blobCid(random) }, mimeType, size: 10_000 + below(random, 900_000) }
}
