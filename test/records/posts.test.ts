import { describe, expect, test } from 'vitest'
import type { Value } from '../../src/records/columns.ts'
import { CID, DID, entryOf, jetstreamEvent, rowOf } from './entries.ts'

const ref = { cid: CID, uri: `at://${DID}/app.bsky.feed.post/3k` }
const feature = (kind: string, part: object) => ({ $type: `app.bsky.richtext.facet#${kind}`, ...part })
const image = (alt?: string) => ({ alt, image: { $type: 'blob' } })

const nothingOfPosts = {
  text: '',
  langs: null,
  reply_parent_uri: null,
  reply_parent_cid: null,
  reply_root_uri: null,
  reply_root_cid: null,
  embed_type: null,
  quote_uri: null,
  quote_cid: null,
  external_uri: null,
  external_title: null,
  external_description: null,
  image_count: 0,
  has_video: false,
  image_alts: null,
  link_uris: null,
  mention_dids: null,
  hashtags: null,
  self_labels: null,
}

const embed = (kind: string, members: object) => ({ embed: { $type: `app.bsky.embed.${kind}`, ...members } })
const card = { uri: 'https://example.com', title: 'A title', description: 'More' }
const cardColumns = {
  external_uri: card.uri,
  external_title: card.title,
  external_description: card.description,
}
const quoteColumns = { quote_uri: ref.uri, quote_cid: CID }
const other = { cid: 'b', uri: 'at://b' }

const postCases: [string, object, Record<string, Value>][] = [
  ['nothing but an empty text', {}, {}],
  [
    'a text and languages',
    { text: 'Olá 😀\0\n', langs: ['pt-BR', 'en'] },
    { text: 'Olá 😀\0\n', langs: ['pt-BR', 'en'] },
  ],
  ['an empty list of languages', { langs: [] }, { langs: [] }],
  ['a language that is no text', { langs: ['en', 1] }, {}],
  [
    'a reply',
    { reply: { parent: ref, root: other } },
    { reply_parent_uri: ref.uri, reply_parent_cid: CID, reply_root_uri: 'at://b', reply_root_cid: 'b' },
  ],
  [
    'half a reply',
    { reply: { parent: { uri: 'at://a', cid: 5 }, root: 'x' } },
    { reply_parent_uri: 'at://a' },
  ],
  ['a quote', embed('record', { record: ref }), { embed_type: 'app.bsky.embed.record', ...quoteColumns }],
  [
    'a quote with images',
    embed('recordWithMedia', { record: { record: ref }, media: { images: [image('a cat'), image('')] } }),
    {
      embed_type: 'app.bsky.embed.recordWithMedia',
      ...quoteColumns,
      image_count: 2,
      image_alts: ['a cat', ''],
    },
  ],
  [
    'a quote with a link card',
    embed('recordWithMedia', { record: { record: ref }, media: { external: card } }),
    { embed_type: 'app.bsky.embed.recordWithMedia', ...quoteColumns, ...cardColumns },
  ],
  [
    'a quote with a video',
    embed('recordWithMedia', {
      record: { record: ref },
      media: { $type: 'app.bsky.embed.video', video: {} },
    }),
    { embed_type: 'app.bsky.embed.recordWithMedia', ...quoteColumns, has_video: true },
  ],
  [
    'a quote that is a whole post view',
    embed('record', { record: { ...ref, record: other } }),
    { embed_type: 'app.bsky.embed.record', ...quoteColumns },
  ],
  [
    'a link card',
    embed('external', { external: card }),
    { embed_type: 'app.bsky.embed.external', ...cardColumns },
  ],
  [
    'images, one without a description',
    embed('images', { images: [image(), image('b'), 'c'] }),
    { embed_type: 'app.bsky.embed.images', image_count: 2, image_alts: ['b'] },
  ],
  [
    'a gallery',
    embed('gallery', { items: [image('a')] }),
    { embed_type: 'app.bsky.embed.gallery', image_count: 1, image_alts: ['a'] },
  ],
  ['a video', embed('video', { video: {} }), { embed_type: 'app.bsky.embed.video', has_video: true }],
  ['items of an unknown embed', { embed: { $type: 'N/A', items: [{}], media: [1] } }, { embed_type: 'N/A' }],
  [
    'facets and tags',
    {
      facets: [
        { features: [feature('tag', { tag: 'b' }), feature('link', { uri: 'https://a' })] },
        {
          features: [
            feature('mention', { did: DID }),
            feature('tag', { tag: 'a' }),
            feature('new', { tag: 'no' }),
          ],
        },
        { features: [feature('link', { uri: 'https://a' }), feature('tag', { tag: 5 })] },
      ],
      tags: ['c', 'a', 'c', '\ud800'],
    },
    { hashtags: ['b', 'a', 'c'], link_uris: ['https://a', 'https://a'], mention_dids: [DID] },
  ],
  ['self labels', { labels: { values: [{ val: 'nudity' }, { val: 5 }] } }, { self_labels: ['nudity'] }],
]

describe('a post with', () => {
  test.each(postCases)('%s has the columns for it', (_name, record, columns) => {
    const event = jetstreamEvent('posts', { text: '', ...record })
    expect(rowOf('posts', entryOf(event))).toMatchObject({ ...nothingOfPosts, ...columns })
  })
})
