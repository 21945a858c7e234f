import { eventTypes } from '../../src/records/event-type.ts'
import { lengths, type Place, type World } from './world.ts'

/** Puts generated events on streams that `copySeed` copies: to copy is faster than to generate again. */
export async function seedStreams(world: World, events: number): Promise<void> {
  const seed = await world.place('seed')
  const { code, stderr } = await seed.run('generate', '--events', String(events), '--seed', '3')
  if (code !== 0) throw new Error(stderr)
}

/** Gives a place the seed's entries, under their ids. Returns how many of each type. */
export async function copySeed(place: Place): Promise<Record<string, number>> {
  for (const type of eventTypes) await place.client.copy(`seed_${type}`, `${place.prefix}${type}`)
  return await lengths(place)
}
