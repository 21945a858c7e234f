import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

import { toError } from '../engine/errors.ts'

/** What the system tells of other processes. A zombie, which has ended and was not fetched, counts as gone. */
export type ProcessTable = {
  /**
   * When a process started, in words of the system that never change: with the pid they name one process, also
   * after the pid was given to another one. Undefined where there is no such process.
   */
  readonly startOf: (pid: number) => Promise<string | undefined>
  /** Its command line, the words parted by spaces; undefined where there is no such process. */
  readonly commandOf: (pid: number) => Promise<string | undefined>
}

/** Linux. A start is counted from the boot, so that the boot belongs to it. */
export const procFiles: ProcessTable = {
  startOf: async pid => {
    const stat = await procFile(`${pid}/stat`)
    if (stat === undefined) return undefined
    // The name, in parentheses, may hold anything; the state is the first field behind it, the start the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    return `${await procFile('sys/kernel/random/boot_id')} ${fields[19]}`.replaceAll('\n', '')
  },
  commandOf: async pid => {
    const command = await procFile(`${pid}/cmdline`)
    // Empty for a zombie.
    return command?.replaceAll('\0', ' ').trim() || undefined
  },
}

/** Every other Unix. */
export const psCommand: ProcessTable = {
  startOf: async pid => {
    const [state = '', ...start] = (await ps('lstart=', pid)).split(/\s+/)
    return state === '' || state.startsWith('Z') ? undefined : start.join(' ')
  },
  commandOf: async pid => {
    const [state = '', ...words] = (await ps('command=', pid)).split(/\s+/)
    return state === '' || state.startsWith('Z') ? undefined : words.join(' ')
  },
}

export const processTable = process.platform === 'linux' ? procFiles : psCommand

/** Undefined where the process is not there, or goes while it is looked at. */
async function procFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${path}`, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(codeOf(error))) return undefined
    throw error
  }
}

/** The state and one more column; empty where there is no such process, for which ps ends with 1. */
async function ps(column: string, pid: number): Promise<string> {
  const words = ['-ww', '-o', 'stat=', '-o', column, '-p', String(pid)]
  // Dates in one language and zone, whoever asks.
  const env = { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' }
  try {
    const { stdout } = await promisify(execFile)('ps', words, { env })
    return stdout.trim()
  } catch (error) {
    if (codeOf(error) === '1') return ''
    throw error
  }
}

function codeOf(thrown: unknown): string {
  const error = toError(thrown)
  return 'code' in error ? String(error.code) : ''
}
