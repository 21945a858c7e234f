import { toError } from '../engine/errors.ts'
import { limited } from './limited.ts'

/** One thing that must be so for the process to do its work. One that throws is not so, for that reason. */
export type Check = {
  readonly name: string
  readonly run: () => Promise<{ readonly ok: boolean; readonly detail: string }>
}

export type Checked = { readonly name: string; readonly ok: boolean; readonly detail: string }

const CHECK_LIMIT_MS = 3_000

/** Runs all checks side by side. Throws nothing; a check that hangs is told as one that is not so. */
export function createReadiness(checks: readonly Check[]): () => Promise<readonly Checked[]> {
  const asked = checks.map(({ name, run }) => ({ name, run: limited(run, CHECK_LIMIT_MS) }))
  return () =>
    Promise.all(
      asked.map(async ({ name, run }) => {
        try {
          const { ok, detail } = (await run()) ?? {
            ok: false,
            detail: `did not answer within ${CHECK_LIMIT_MS / 1000} s`,
          }
          return { name, ok, detail }
        } catch (error) {
          return { name, ok: false, detail: toError(error).message }
        }
      }),
    )
}
