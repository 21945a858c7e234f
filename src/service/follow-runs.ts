import { setTimeout as sleep } from 'node:timers/promises'

import { toError } from '../engine/errors.ts'
import type { RunEvent } from '../engine/run-event.ts'
import type { Log } from '../log.ts'
import { compareIds, FIRST_ID } from '../records/stream-entry.ts'
import type { RunEvents } from '../streams/run-events.ts'
import type { ToldCursor } from '../streams/told-cursor.ts'

export type FollowRunsTools = {
  readonly events: Pick<RunEvents, 'follow' | 'latest'>
  readonly cursor: ToldCursor
  readonly log: Log
  /** Given each event once. `isTold`: people know of it, from a server before this one or beside it. */
  readonly take: (event: RunEvent, isTold: boolean) => void
}

export type FollowedRuns = {
  /**
   * Resolves when what runs told before was taken again: counters that are shown half way would rise to where they
   * were, and Prometheus would take that for runs and rows.
   */
  readonly replayed: Promise<void>
  readonly close: () => Promise<void>
}

/** What ended while no server was there is still told, if it is no longer ago than this. */
const TOLD_LATE_MS = 3_600_000

/** Takes every event that runs have told, oldest first, then each new one as it comes. */
export function followRuns({ events, cursor, log, take }: FollowRunsTools): FollowedRuns {
  const startedAt = Date.now()
  const stopped = new AbortController()
  const isNew = onceEach()
  const replay = openReplay(events)
  const toldUpTo = cursor.read()

  async function takeOnce(id: string, event: RunEvent): Promise<void> {
    replay.took(id)
    if (!isNew(event)) return
    const upTo = await toldUpTo
    const isOld = Date.parse(event.time) < startedAt - TOLD_LATE_MS
    const isKnown = isOld || (upTo !== undefined && compareIds(id, upTo) <= 0)
    take(event, isKnown || !(await cursor.claim(id)))
    if (!isKnown) logEvent(log, event)
  }

  const following = events.follow({
    from: '0',
    signal: stopped.signal,
    // An event that one part cannot take must not keep the others from those behind it.
    take: (id, event) =>
      takeOnce(id, event).catch(error =>
        log.error(`An event of a run was left out: ${toError(error).message}`),
      ),
  })
  return {
    replayed: replay.over,
    close: async () => {
      stopped.abort()
      await following
    },
  }
}

/** Thousands of events take a second or two; where they cannot be had, the other metrics are shown all the same. */
const REPLAY_LIMIT_MS = 10_000

/**
 * At its start the server takes again what runs told before. `over` resolves when it has: counters that are shown
 * half way would rise to where they were, and Prometheus would take that for runs and rows.
 */
function openReplay(events: Pick<RunEvents, 'latest'>) {
  let newest: string | undefined
  let taken: string = FIRST_ID
  let end = () => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const look = () => {
    if (newest !== undefined && compareIds(taken, newest) >= 0) end()
  }
  void events
    .latest(1)
    .catch(() => [])
    .then(([found]) => {
      newest = found?.id ?? FIRST_ID
      look()
    })
  return {
    took: (id: string) => {
      taken = id
      look()
    },
    over: Promise.race([ended, sleep(REPLAY_LIMIT_MS, undefined, { ref: false })]),
  }
}

/** Whether an event has not come before. It may come twice; more than the newest thousands are never asked for. */
function onceEach(): (event: RunEvent) => boolean {
  const seen = new Set<string>()
  return ({ runId, state }) => {
    const key = `${runId} ${state}`
    if (seen.has(key)) return false
    seen.add(key)
    if (seen.size > 20_000)
      for (const oldest of seen) {
        seen.delete(oldest)
        if (seen.size <= 10_000) break
      }
    return true
  }
}

function logEvent(log: Log, { runId, flow, state, durationMs, error, result, worker }: RunEvent): void {
  const took = durationMs === undefined ? '' : ` in ${(durationMs / 1000).toFixed(1)} s`
  const reason = error === undefined ? '' : `: ${error.message}`
  const facts = { run_id: runId, flow, state, worker, duration_ms: durationMs, result }
  log.event(`${flow} ${state}${took}${reason} (run ${runId})`, facts)
}
