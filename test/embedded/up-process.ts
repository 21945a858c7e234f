import { type EmbeddedRedis, startRedisServer } from '../../src/embedded/redis-server.ts'
import { claimStateFolder, type StateClaim } from '../../src/embedded/state-folder.ts'
import { OperatingError, toError } from '../../src/engine/errors.ts'
import type { Answer, Order } from './up-child.ts'

/**
 * Does what `up` does with its state folder and its servers, one order at a time. It has no channel left once the
 * test is gone, and exits then.
 */
let claim: StateClaim | undefined
let redis: EmbeddedRedis | undefined

const tell = (answer: Answer) => process.send?.(answer)

process.on('disconnect', () => process.exit())
process.on('SIGINT', () => tell({ kind: 'done', value: 'SIGINT' }))
process.on('message', (order: Order) => {
  carryOut(order).then(
    value => tell({ kind: 'done', ...(value !== undefined && { value }) }),
    (thrown: unknown) => {
      const error = toError(thrown)
      const code = error instanceof OperatingError ? error.code : undefined
      tell({ kind: 'error', message: error.message, ...(code !== undefined && { code }) })
    },
  )
})

async function carryOut(order: Order): Promise<string | undefined> {
  if (order.kind === 'claim') claim = await claimStateFolder(order.stateDir)
  else if (order.kind === 'write') await claim?.write(order.up)
  else if (order.kind === 'release') await claim?.release()
  else {
    redis = await startRedisServer(order.settings)
    return redis.url
  }
  return undefined
}
