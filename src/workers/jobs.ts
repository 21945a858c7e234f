import { z } from 'zod'

/** A run in the queue. What it has planned is kept with it, so that a second worker goes on with the same plan. */
export const runJob = z.object({
  params: z.unknown(),
  /** Milliseconds since 1970: when the run was to begin. */
  dueAt: z.number(),
  /** Of the flow's deployment, of which one run at a time is on its way; the others are runs that somebody asked for. */
  isDeployment: z.boolean(),
  startedAt: z.number().optional(),
  plan: z.array(z.unknown()).optional(),
  isShared: z.boolean().optional(),
})

export type RunJob = z.infer<typeof runJob>

export const partJob = z.object({
  runId: z.string(),
  flow: z.string(),
  startedAt: z.number(),
  part: z.unknown(),
})

export type PartJob = z.infer<typeof partJob>

/** What a schedule puts in the queue at its times. */
export const tickJob = z.object({ flow: z.string(), params: z.unknown() })

/** A job is looked at for a while after its end, by who waits for it; the history is kept elsewhere. */
export const KEPT = {
  removeOnComplete: { age: 3_600, count: 2_000 },
  removeOnFail: { age: 86_400, count: 2_000 },
}
