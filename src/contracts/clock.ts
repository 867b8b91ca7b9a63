/** Time as the wait functions see it; tests pass a fake one. */
export interface Clock {
  /** Milliseconds of a monotonic clock: a jump of the wall clock must not end a wait. */
  monotonicMs(): number
  /** Wall-clock time, for records and certificates. */
  now(): Date
  /** Resolves after `ms`, or rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
