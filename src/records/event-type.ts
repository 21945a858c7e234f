/** The five types of events, in the order in which every list, table and report names them. */
export const eventTypes = ['posts', 'likes', 'reposts', 'follows', 'blocks'] as const

export type EventType = (typeof eventTypes)[number]

/** The atproto collection whose records make up a type. */
export const collectionOf: Readonly<Record<EventType, string>> = {
  posts: 'app.bsky.feed.post',
  likes: 'app.bsky.feed.like',
  reposts: 'app.bsky.feed.repost',
  follows: 'app.bsky.graph.follow',
  blocks: 'app.bsky.graph.block',
}

const typeOfCollection = new Map(eventTypes.map(type => [collectionOf[type], type]))

/** The type a collection belongs to; undefined for a collection that is not drained. */
export function typeOf(collection: unknown): EventType | undefined {
  return typeof collection === 'string' ? typeOfCollection.get(collection) : undefined
}

export function isEventType(word: string): word is EventType {
  return (eventTypes as readonly string[]).includes(word)
}

/** A value for each type. */
export function perType<Value>(make: (type: EventType) => Value): Readonly<Record<EventType, Value>> {
  return {
    posts: make('posts'),
    likes: make('likes'),
    reposts: make('reposts'),
    follows: make('follows'),
    blocks: make('blocks'),
  }
}
