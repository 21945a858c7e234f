import { type ClaimFiles, claimFiles } from '../../src/embedded/claim.ts'

/** Lets a part of the test go on by steps: each waits until it may be taken. */
export type Stepper = {
  /** Takes the next step; waits for it where the part is busy with something else. False when the part has ended. */
  readonly step: () => Promise<boolean>
  /** Takes all the steps that are left. */
  readonly finish: () => Promise<void>
}

/** Starts a part of the test whose calls on files are steps, as is whatever it puts into `turn`. */
export function inSteps(
  part: (files: ClaimFiles, turn: <Result>(call: () => Promise<Result>) => Promise<Result>) => Promise<void>,
): Stepper {
  const waiting: (() => Promise<unknown>)[] = []
  let wake: () => void = () => undefined
  let hasEnded = false
  let failure: unknown
  function turn<Result>(call: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      waiting.push(() => call().then(resolve, reject))
      wake()
    })
  }
  const files: ClaimFiles = {
    list: folder => turn(() => claimFiles.list(folder)),
    read: path => turn(() => claimFiles.read(path)),
    write: (path, content) => turn(() => claimFiles.write(path, content)),
    link: (existing, name) => turn(() => claimFiles.link(existing, name)),
    empty: path => turn(() => claimFiles.empty(path)),
    remove: path => turn(() => claimFiles.remove(path)),
  }
  part(files, turn)
    .catch(error => {
      failure = error
    })
    .finally(() => {
      hasEnded = true
      wake()
    })
  const step = async () => {
    while (waiting.length === 0 && !hasEnded) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    if (failure !== undefined) throw failure
    await waiting.shift()?.()
    return !hasEnded
  }
  const finish = async () => {
    while (await step());
  }
  return { step, finish }
}
