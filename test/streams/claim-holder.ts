import { perType } from '../../src/records/event-type.ts'
import { redisStreams } from '../../src/streams/redis-streams.ts'

/** A process that claims a stream, says so, and waits to be killed: `claim-holder.js <url> <stream> <run>`. */
const [url = '', stream = '', run = ''] = process.argv.slice(2)
const ownership = { datasetId: 'our-dataset', group: 'skydrain', allowOtherGroups: false }
const port = redisStreams({ address: { url }, streams: perType(() => stream), ownership })
const connection = await port.connect('posts')
await connection.claim(run)
process.stdout.write('claimed')
