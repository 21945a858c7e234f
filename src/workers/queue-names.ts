import type { QueueBaseOptions } from 'bullmq'

/** The work queue that every flow's deployment uses. */
export const QUEUE = 'default'

/** The braces keep all keys of the queue in one slot of a Redis Cluster. */
export const PREFIX = '{skydrain}'

/** The name of the jobs by which a schedule asks for a run. */
export const TICK = 'tick'

/** The queue's Redis server and how to log in there. */
export type QueueAddress = {
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
}

/** A worker waits for its server however long that is away; who only asks wants an error within seconds. */
export function queueOptions(
  { url, username, password, tls }: QueueAddress,
  role: 'asks' | 'works',
): QueueBaseOptions & { readonly prefix: string } {
  return {
    prefix: PREFIX,
    connection: {
      url,
      maxRetriesPerRequest: role === 'works' ? null : 1,
      connectTimeout: 5_000,
      connectionName: 'skydrain',
      retryStrategy: (times: number) => Math.min(1_000, 50 * times),
      ...(role === 'asks' && { commandTimeout: 10_000 }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls !== undefined && { tls: { ...tls } }),
    },
  }
}

/** The name of the jobs that carry a part of a flow's runs. */
export function partName(flow: string): string {
  return `${flow}/part`
}

export function partId(runId: string, number: number): string {
  return `${runId}-${number}`
}

/** A flow's one deployment, by its name in Prefect: of it one run at a time is on its way. */
export function deploymentOf(flow: string): string {
  return `${flow}/${flow}`
}
