import { randomUUID } from 'node:crypto'

import { type Job, type Queue, WaitingChildrenError } from 'bullmq'

import type { CarriedFlow } from '../engine/carried-flow.ts'
import type { FlowEnd, FlowRun, RunLogger } from '../engine/flow.ts'
import { noteOf, type RunEvent } from '../engine/run-event.ts'
import { KEPT, type PartJob, type RunJob, runJob, tickJob } from './jobs.ts'
import { deploymentOf, partId, partName } from './queue-names.ts'

export type RunJobTools = {
  readonly queue: Queue
  readonly log: RunLogger
  readonly emit: (event: Omit<RunEvent, 'worker'>) => void
  readonly signal: AbortSignal
}

/**
 * A schedule's time has come: puts a run of the deployment in the queue. Where one is on its way already this
 * does nothing, so that an outage is followed by one run that catches up, and not by one for each tick it missed.
 */
export async function runTick(job: Job, { queue, flows, emit }: TickTools): Promise<void> {
  const { flow, params } = tickJob.parse(job.data)
  const known = flows.find(it => it.name === flow)
  if (known === undefined) throw new Error(`This worker knows no flow '${flow}'.`)
  await dropGhost(known, queue, emit)
  const dueAt = Number(job.id?.split(':').at(-1)) || Date.now()
  const data: RunJob = { params, dueAt, isDeployment: true }
  await queue.add(flow, data, { ...KEPT, jobId: randomUUID(), deduplication: { id: deploymentOf(flow) } })
}

export type TickTools = {
  readonly queue: Queue
  readonly flows: readonly CarriedFlow[]
  readonly emit: (event: Omit<RunEvent, 'worker'>) => void
}

/** So long after its time limit a run is no slow one: its parts or its workers are gone. */
const GHOST_AFTER_MS = 300_000

/**
 * A run that waits for parts which never end would keep every other one away for ever. A deduplication key whose job
 * is gone, BullMQ drops by itself.
 */
async function dropGhost(flow: CarriedFlow, queue: Queue, emit: TickTools['emit']): Promise<void> {
  const id = deploymentOf(flow.name)
  const runId = await queue.getDeduplicationJobId(id)
  const job = runId === null ? undefined : await queue.getJob(runId)
  if (runId === null || job === undefined) return
  const { startedAt } = runJob.parse(job.data)
  if (startedAt === undefined || Date.now() - startedAt < flow.timeoutMs + GHOST_AFTER_MS) return
  const error = { message: 'the run did not end: its parts or its workers are gone' }
  emit({ runId, flow: flow.name, state: 'Crashed', time: new Date().toISOString(), error })
  await queue.remove(runId, { removeChildren: true })
  await queue.removeDeduplicationKey(id)
}

/**
 * A run: plans its parts, puts them in the queue as children, and leaves the worker. When the last part has
 * ended, it comes back and ends itself. Each step may be done twice: its worker can die behind any of them.
 */
export async function carryRun(
  flow: CarriedFlow,
  job: Job,
  token: string,
  tools: RunJobTools,
): Promise<FlowRun<unknown>> {
  const runId = idOf(job)
  const data = runJob.parse(job.data)
  const startedAt = data.startedAt ?? Date.now()
  if (data.startedAt === undefined) {
    const waitedMs = Math.max(0, startedAt - data.dueAt)
    tools.emit({
      runId,
      flow: flow.name,
      state: 'Running',
      time: new Date(startedAt).toISOString(),
      waitedMs,
    })
  }
  let end: Partial<FlowEnd<unknown>> & Pick<FlowEnd<unknown>, 'state'>
  try {
    const plan = await planOnce(flow, job, { ...data, startedAt }, tools)
    await shareOnce(flow, job, { ...data, startedAt, plan: [...plan] }, tools.queue)
    if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError()
    end = flow.end(await endsOf(job, plan))
  } catch (error) {
    if (error instanceof WaitingChildrenError || tools.signal.aborted) throw error
    end = { state: 'Failed', error: noteOf(error) }
  }
  const run = { runId, startedAt, durationMs: Date.now() - startedAt, ...end }
  tools.emit(endEventOf(flow.name, run))
  if (end.again) await runAgain(flow, data, tools.queue)
  return run
}

export function endEventOf(flow: string, run: FlowRun<unknown>): Omit<RunEvent, 'worker'> {
  const { runId, state, startedAt, durationMs, result, error } = run
  return {
    runId,
    flow,
    state,
    time: new Date(startedAt + durationMs).toISOString(),
    durationMs,
    ...(error !== undefined && { error }),
    ...(result !== undefined && { result }),
  }
}

async function planOnce(
  flow: CarriedFlow,
  job: Job,
  data: RunJob,
  { signal, log }: RunJobTools,
): Promise<readonly unknown[]> {
  if (data.plan !== undefined) return data.plan
  const plan = await flow.plan(data.params, { signal, log })
  await job.updateData({ ...data, plan: [...plan] })
  return plan
}

async function shareOnce(flow: CarriedFlow, job: Job, data: RunJob, queue: Queue): Promise<void> {
  if (data.isShared || data.plan === undefined) return
  const runId = idOf(job)
  const parent = { id: runId, queue: job.queueQualifiedName }
  const parts = data.plan.map((part, number) => {
    const child: PartJob = { runId, flow: flow.name, startedAt: data.startedAt ?? 0, part }
    const opts = { ...KEPT, jobId: partId(runId, number), parent, ignoreDependencyOnFailure: true }
    return { name: partName(flow.name), data: child, opts }
  })
  await queue.addBulk(parts)
  await job.updateData({ ...data, isShared: true })
}

/** How each part ended; one that was given up because workers died at it is Crashed. */
async function endsOf(job: Job, plan: readonly unknown[]): Promise<readonly unknown[]> {
  const values = Object.entries(await job.getChildrenValues())
  const failures = Object.entries(await job.getIgnoredChildrenFailures())
  return plan.map((part, number) => {
    const ending = `:${partId(idOf(job), number)}`
    const value = values.find(([key]) => key.endsWith(ending))?.[1]
    if (value !== undefined) return value
    const [, message = 'its result is missing from the queue'] =
      failures.find(([key]) => key.endsWith(ending)) ?? []
    return { part, state: 'Crashed', error: { message: `a part of the run was given up: ${message}` } }
  })
}

/** A deployment's next run waits for the end of this one, and takes the place of one that waits already. */
async function runAgain(flow: CarriedFlow, before: RunJob, queue: Queue): Promise<void> {
  const { params, isDeployment } = before
  const data: RunJob = { params, dueAt: Date.now(), isDeployment }
  const deduplication = { id: deploymentOf(flow.name), keepLastIfActive: true }
  await queue.add(flow.name, data, {
    ...KEPT,
    jobId: randomUUID(),
    ...(isDeployment && { deduplication }),
  })
}

function idOf(job: Job): string {
  if (job.id === undefined) throw new Error('a job of the queue has no id')
  return job.id
}
