import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

const asRoot = process.getuid?.() === 0
const unshare = asRoot ? ['-m'] : ['-rm']

/** Whether this machine lets a test mount a file system in a mount namespace of its own. */
export const canMount =
  spawnSync('unshare', [...unshare, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' }).status ===
  0

/** Whether a process can be run with a system call failing. */
export const canInject =
  spawnSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0

export type SmallDisk = {
  /** Seen by every process of this user, through /proc. */
  readonly folder: string
  readonly resize: (size: string) => void
  readonly close: () => Promise<void>
}

/** A disk of so many bytes, which lives as long as the process that holds its namespace. */
export async function mountSmallDisk(size: string): Promise<SmallDisk> {
  const script = `mount -t tmpfs -o size=${size},mode=755 tmpfs /mnt && echo mounted && exec cat`
  const holder = spawn('unshare', [...unshare, 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  const pid = String(holder.pid)
  return {
    folder: `/proc/${pid}/root/mnt`,
    resize: to => {
      const enter = [...(asRoot ? [] : ['-U', '--preserve-credentials']), '-m', '-t', pid]
      execFileSync('nsenter', [...enter, 'mount', '-o', `remount,size=${to}`, '/mnt'])
    },
    close: async () => {
      holder.stdin.end()
      await once(holder, 'exit')
    },
  }
}
