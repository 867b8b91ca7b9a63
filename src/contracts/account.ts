/** What the processes of one store share for one account at a provider. Lent to drivers by the machine layer. */
export interface AccountDesk {
  /**
   * Runs alone among all processes of the store for one shared resource of this account: for the moment in which it is
   * looked for and made, or counted and removed. @throws MachineError `locked` after its wait
   */
  exclusive<T>(
    on: { readonly kind: string; readonly key: string; readonly what: string },
    work: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>
  /**
   * Machine ids of other records of this store that name this resource. Those that are being removed do not count: of two
   * that go at once the last one takes it along.
   */
  referredBy(resource: { readonly kind: string; readonly key: string }, except: string): readonly string[]
  /** The rate budget for one of the provider's limits. */
  budget(limit: RateLimit): RateBudget
}

/** A limit that a provider publishes: `calls` at once, refilled evenly over `perMs`. */
export interface RateLimit {
  /** Names its file: lower-case letters, digits and dashes. */
  readonly name: string
  readonly calls: number
  readonly perMs: number
  /** Not refilled evenly: in no span of `perMs` may there be more than `calls`. */
  readonly window?: true
}

/** Turns at a provider, shared between processes so that together they stay under its limit. */
export interface RateBudget {
  /**
   * Waits until a call may be made; long waits are told to the user. @throws MachineError `driver` with limit and reset time
   * where that is too long to wait, or when the caller's own time is over
   */
  take(signal: AbortSignal): Promise<void>
  /** What the provider said of its own count: nothing is left until `resetAt`. */
  exhausted(resetAt: Date): void
}
