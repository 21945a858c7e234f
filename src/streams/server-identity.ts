import type { Redis } from 'ioredis'

/**
 * Which server this is and whose data it holds, as INFO tells: it changes when the process is another one, and
 * when REPLICAOF gives it the data of another server, which open connections survive.
 */
export async function readIdentity(redis: Redis): Promise<string> {
  const [server, replication] = await Promise.all([redis.info('server'), redis.info('replication')])
  return [field(server, 'run_id'), field(replication, 'master_replid'), field(replication, 'role')].join(' ')
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? ''
}
