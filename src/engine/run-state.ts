/** The types of state, as Prefect 3 names them. A run that has one of the final ones is over. */
export type StateType = 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED'

/** A state's name says more than its type: TimedOut is a FAILED one. */
export type StateName = 'Running' | 'Retrying' | 'Completed' | 'Failed' | 'TimedOut' | 'Cancelled'

export const typeOfState: Readonly<Record<StateName, StateType>> = {
  Running: 'RUNNING',
  Retrying: 'RUNNING',
  Completed: 'COMPLETED',
  Failed: 'FAILED',
  TimedOut: 'FAILED',
  Cancelled: 'CANCELLED',
}
