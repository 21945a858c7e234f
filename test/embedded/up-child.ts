import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import type { RedisSettings } from '../../src/embedded/redis-process.ts'
import type { UpDescription } from '../../src/embedded/up-file.ts'

export type Order =
  | { readonly kind: 'claim'; readonly stateDir: string }
  | { readonly kind: 'write'; readonly up: Omit<UpDescription, 'pid'> }
  | { readonly kind: 'start'; readonly settings: RedisSettings }
  | { readonly kind: 'release' }

export type Answer =
  | { readonly kind: 'done'; readonly value?: string }
  | { readonly kind: 'error'; readonly message: string; readonly code?: string }

/** A process of its own that does what `up` does. */
export type UpChild = {
  readonly pid: number
  readonly ask: (order: Order) => Promise<Answer>
  readonly heard: () => Promise<Answer>
  /** Kills it without a word, and waits until it is gone. */
  readonly kill: () => Promise<void>
  /** Has it exit by itself, without a word to its servers. */
  readonly exit: () => Promise<void>
}

const program = fileURLToPath(new URL('../../dist/test/embedded/up-process.js', import.meta.url))

/** `env` is added to what this process has. The child is the first of a process group, as a command in a shell is. */
export function forkUp(env: Readonly<Record<string, string>> = {}): UpChild {
  const child = fork(program, { execArgv: [], detached: true, env: { ...process.env, ...env } })
  const heard = () =>
    new Promise<Answer>((resolve, reject) => {
      const onExit = (code: number | null, signal: NodeJS.Signals | null) =>
        reject(new Error(`The child ended instead of answering: ${code ?? signal}`))
      child.once('exit', onExit)
      child.once('message', answer => {
        child.off('exit', onExit)
        resolve(answer as Answer)
      })
    })
  return {
    pid: child.pid ?? 0,
    ask: order => {
      const answer = heard()
      child.send(order)
      return answer
    },
    heard,
    kill: () => ended(child, () => child.kill('SIGKILL')),
    exit: () => ended(child, () => child.disconnect()),
  }
}

async function ended(child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  end()
  await exited
}

/** The answer to a claim that was refused, or to a server that did not start. */
export function errorOf(answer: Answer): { readonly code: string | undefined; readonly message: string } {
  if (answer.kind === 'error') return { code: answer.code, message: answer.message }
  throw new Error('it was done, and should have been refused')
}

/** Throws where it was not done. */
export function doneOf(answer: Answer): string {
  if (answer.kind === 'done') return answer.value ?? ''
  throw new Error(answer.message)
}
