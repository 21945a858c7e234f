import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A loopback port that leads to another one, and can go bad as networks do. */
export type TcpPipe = {
  readonly port: number
  /** The connections that stand bring nothing more, and say nothing of it. */
  readonly swallow: () => void
  /** Bytes that came to nothing so far. */
  readonly swallowed: () => number
  /** So do the connections that are made from now on. */
  readonly swallowNew: () => void
  readonly cut: () => void
  readonly close: () => Promise<void>
}

export async function openPipe(to: number): Promise<TcpPipe> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let isSilent = false
  let swallowed = 0
  // A network that is cut carries no end of a connection either.
  const server = createServer({ allowHalfOpen: true }, near => {
    const far = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true })
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [one, other] of [pair, [far, near] as const]) {
      one.on('error', () => undefined)
      one.on('close', () => other.destroy())
      if (!isSilent) one.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const each = (does: (socket: Socket) => unknown) => {
    for (const pair of pairs) pair.forEach(does)
  }
  return {
    port: (server.address() as AddressInfo).port,
    swallow: () =>
      each(socket => {
        const count = (bytes: Buffer) => {
          swallowed += bytes.length
        }
        socket.unpipe().on('data', count).resume()
      }),
    swallowed: () => swallowed,
    swallowNew: () => {
      isSilent = true
    },
    cut: () => each(socket => socket.destroy()),
    close: async () => {
      each(socket => socket.destroy())
      server.close()
      await once(server, 'close')
    },
  }
}
