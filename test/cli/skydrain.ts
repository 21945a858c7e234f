import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { expect } from 'vitest'

const command = fileURLToPath(new URL('../../bin/skydrain', import.meta.url))

export type Ended = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export type SpawnPlace = {
  readonly cwd: string
  /** All of the environment, but for PATH and HOME. */
  readonly env: Readonly<Record<string, string>>
  /** Runs the command under another one, such as strace. */
  readonly under?: readonly string[]
  /** A user to run as, where this process may choose. */
  readonly uid?: number
  readonly input?: string
  /** Leaves standard input open, as a terminal does. */
  readonly isInputOpen?: boolean
}

export type Running = {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when standard error has said it. */
  readonly says: (text: string) => Promise<void>
}

/** The password of every server that asks for one: no output and no file may show it. */
export const CANARY = 'canary-7f3b1e-password'

/** Starts the built command as a process of its own, with pipes where a person's terminal would be. */
export function startSkydrain(words: readonly string[], place: SpawnPlace): Running {
  const { cwd, env, under = [], uid, input = '', isInputOpen = false } = place
  const [file = command, ...rest] = [...under, command, ...words]
  const child = spawn(file, rest, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  child.stdin.on('error', () => undefined).write(input)
  if (!isInputOpen) child.stdin.end()
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => stderr.includes(text) && resolve()
      child.stderr.on('data', look)
      child.once('close', () => reject(new Error(`It ended without saying '${text}': ${stdout}${stderr}`)))
      look()
    })
  return { child, ended: ended.then(checked), says }
}

export async function skydrain(words: readonly string[], place: SpawnPlace): Promise<Ended> {
  return await startSkydrain(words, place).ended
}

/** What holds for every call in every test: no secret, no colour, no line written over, no stack trace. */
function checked(ended: Ended): Ended {
  const output = ended.stdout + ended.stderr
  expect(output).not.toContain(CANARY)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  expect(output).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]/)
  expect(ended.stderr).not.toMatch(/^\s+at .*[:(]|node:internal|this is a fault of skydrain/m)
  return ended
}

/** The one JSON document that is all of standard output. */
export function documentOf<Shape>({ stdout, stderr }: Ended): Shape {
  expect(stdout, stderr).toMatch(/^[[{][\s\S]*[\]}]\n$/)
  return JSON.parse(stdout)
}

/** A complaint for a person: nothing on stdout, and one line that is a sentence. */
export function sentenceOf({ stdout, stderr }: Ended): string {
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^(skydrain|error): [^\n]+\n$/)
  return stderr.trimEnd()
}
