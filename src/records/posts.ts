import type { Value } from './columns.ts'
import { isObject, type JsonObject, listOf, stringOf } from './json.ts'

/** The columns that only posts have; all null where there is no record. */
export function postColumns(record: JsonObject | undefined): Readonly<Record<string, Value>> {
  const reply = objectAt(record, 'reply')
  const parent = objectAt(reply, 'parent')
  const root = objectAt(reply, 'root')
  return {
    text: stringOf(record?.text),
    langs: langsOf(record?.langs),
    reply_parent_uri: stringOf(parent?.uri),
    reply_parent_cid: stringOf(parent?.cid),
    reply_root_uri: stringOf(root?.uri),
    reply_root_cid: stringOf(root?.cid),
    ...embedColumns(record),
    ...listColumns(record),
  }
}

function embedColumns(record: JsonObject | undefined): Readonly<Record<string, Value>> {
  const embed = objectAt(record, 'embed')
  const media = objectAt(embed, 'media')
  const quote = quotedRef(objectAt(embed, 'record'))
  const external = objectAt(embed, 'external') ?? objectAt(media, 'external')
  const images = [...imagesOf(embed), ...imagesOf(media)]
  return {
    embed_type: stringOf(embed?.$type),
    quote_uri: stringOf(quote?.uri),
    quote_cid: stringOf(quote?.cid),
    external_uri: stringOf(external?.uri),
    external_title: stringOf(external?.title),
    external_description: stringOf(external?.description),
    image_count: record === undefined ? null : images.length,
    has_video: record === undefined ? null : isVideo(embed) || isVideo(media),
    image_alts: stringsOrNull(images.map(image => image.alt)),
  }
}

function listColumns(record: JsonObject | undefined): Readonly<Record<string, Value>> {
  const features = listOf(record?.facets)
    .flatMap(facet => (isObject(facet) ? listOf(facet.features) : []))
    .filter(isObject)
  const ofFacets = (kind: string, part: string) =>
    features
      .filter(feature => feature.$type === `app.bsky.richtext.facet#${kind}`)
      .map(feature => feature[part])
  const hashtags = stringsOrNull([...ofFacets('tag', 'tag'), ...listOf(record?.tags)])
  const labels = listOf(objectAt(record, 'labels')?.values).filter(isObject)
  return {
    link_uris: stringsOrNull(ofFacets('link', 'uri')),
    mention_dids: stringsOrNull(ofFacets('mention', 'did')),
    hashtags: hashtags === null ? null : [...new Set(hashtags)],
    self_labels: stringsOrNull(labels.map(label => label.val)),
  }
}

/** All of the list or nothing: `langs` rebuilds the event, so it must be the list that came. */
function langsOf(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return null
  const langs = value.map(stringOf).filter(lang => lang !== null)
  return langs.length === value.length ? langs : null
}

/** A quote is at `embed.record`, beside media one level deeper. */
function quotedRef(outer: JsonObject | undefined): JsonObject | undefined {
  const isRef = typeof outer?.uri === 'string' || typeof outer?.cid === 'string'
  return isRef ? outer : objectAt(outer, 'record')
}

/** `items` is a common word, so it counts only in the gallery that the lexicon knows. */
function imagesOf(embed: JsonObject | undefined): readonly JsonObject[] {
  const items = embed?.$type === 'app.bsky.embed.gallery' ? listOf(embed.items) : []
  return [...listOf(embed?.images), ...items].filter(isObject)
}

function isVideo(embed: JsonObject | undefined): boolean {
  return embed?.$type === 'app.bsky.embed.video' || isObject(embed?.video)
}

/** The usable strings of a list; null where there are none. */
function stringsOrNull(values: readonly unknown[]): readonly string[] | null {
  const strings = values.map(stringOf).filter(text => text !== null)
  return strings.length > 0 ? strings : null
}

function objectAt(parent: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = parent?.[key]
  return isObject(value) ? value : undefined
}
