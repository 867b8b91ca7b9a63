import { setMaxListeners } from 'node:events'
import type { Clock } from '../../../contracts/clock.js'
import { unlessAborted } from '../../../util/abort.js'
import { type Pending, pending, waitFor } from '../../../util/wait.js'
import { isApiError } from './errors.js'

export interface PollOptions<T> {
  /** All things that anybody waits for, as one call (and its pages). */
  list(signal: AbortSignal): Promise<readonly T[]>
  readonly clock: Clock
  /** Pause before the first list and after a newcomer; 1 s when absent. */
  readonly firstMs?: number
  /** Longest pause between two lists; 10 s when absent. */
  readonly maxMs?: number
  /** Items that one call brings: a list of many pages is asked for less often. */
  readonly pageSize?: number
}

/** Limits of one subscriber. */
export interface UntilOptions {
  readonly deadlineMs: number
  readonly signal?: AbortSignal
  readonly hints?: readonly string[]
  readonly evidence?: () => string | undefined
}

const FIRST_MS = 1_000
const MAX_MS = 10_000
/** Subscribers for whom the fastest pace is worth its calls; with more of them the pace is slower. */
const FEW = 2

/**
 * Waits for many machines of one account with one list at a time: fast at first, then slower, faster again when
 * somebody new waits, and not at all when nobody does.
 */
export class Poll<T> {
  #waiting = 0
  #round = new Round<T>()
  #loop: AbortController | undefined
  #sleep: AbortController | undefined
  #pauseMs = 0
  #wakeAt = 0
  #calls = 1

  constructor(private readonly options: PollOptions<T>) {}

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting
  }

  /**
   * Waits until `judge` finds in the list what is waited for. It is asked only about lists that began after this call.
   * @throws MachineError `timeout` with what was last seen; the list's own error when that is final
   */
  async until<R>(
    what: string,
    judge: (list: readonly T[]) => R | Pending | undefined,
    options: UntilOptions,
  ): Promise<R> {
    options.signal?.throwIfAborted()
    this.#enter()
    try {
      const limits = { ...options, intervalMs: 0, clock: this.options.clock }
      return await waitFor(what, (signal) => this.#probe(judge, signal), limits)
    } finally {
      this.#leave()
    }
  }

  async #probe<R>(
    judge: (list: readonly T[]) => R | Pending | undefined,
    signal: AbortSignal,
  ): Promise<R | Pending | undefined> {
    const outcome = await unlessAborted(this.#round.outcome, signal)
    if ('list' in outcome) return judge(outcome.list)
    if (isApiError(outcome.error) && outcome.error.passing) return pending(outcome.error.message)
    throw outcome.error
  }

  #enter(): void {
    this.#waiting++
    this.#pauseMs = this.#fastMs()
    const soon = this.options.clock.monotonicMs() + this.#pauseMs
    if (this.#loop) {
      if (soon >= this.#wakeAt) return
      this.#wakeAt = soon
      this.#sleep?.abort()
    } else {
      this.#wakeAt = soon
      this.#loop = new AbortController()
      // A list of many pages is many calls at once, which is no leak.
      setMaxListeners(0, this.#loop.signal)
      void this.#run(this.#loop.signal)
    }
  }

  #leave(): void {
    if (--this.#waiting > 0) return
    this.#loop?.abort()
    this.#loop = undefined
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#rest(signal)
      if (signal.aborted) return
      const round = this.#round
      this.#round = new Round()
      await round.settle(() => this.options.list(signal))
      this.#calls = Math.max(1, Math.ceil(round.size / (this.options.pageSize ?? Infinity)))
      this.#pauseMs = Math.max(this.#pauseMs, this.#fastMs())
      this.#wakeAt = this.options.clock.monotonicMs() + this.#pauseMs
      this.#pauseMs = Math.min(this.#pauseMs * 1.5, this.#maxMs())
    }
  }

  /** Sleeps until it is time for the next list; a newcomer may bring that time nearer. */
  async #rest(signal: AbortSignal): Promise<void> {
    const { clock } = this.options
    for (let left = this.#left(); left > 0 && !signal.aborted; left = this.#left()) {
      this.#sleep = new AbortController()
      const either = AbortSignal.any([signal, this.#sleep.signal])
      await clock.sleep(left, either).catch(() => undefined)
    }
  }

  #left(): number {
    return this.#wakeAt - this.options.clock.monotonicMs()
  }

  #fastMs(): number {
    const worth = Math.max(1, this.#waiting / FEW) * this.#calls
    return Math.min((this.options.firstMs ?? FIRST_MS) * worth, this.#maxMs())
  }

  #maxMs(): number {
    return this.options.maxMs ?? MAX_MS
  }
}

type Outcome<T> = { readonly list: readonly T[] } | { readonly error: unknown }

/** One list that all who wait at its beginning share. */
class Round<T> {
  readonly outcome: Promise<Outcome<T>>
  size = 0
  #resolve: (outcome: Outcome<T>) => void = () => undefined

  constructor() {
    this.outcome = new Promise((resolve) => (this.#resolve = resolve))
  }

  async settle(list: () => Promise<readonly T[]>): Promise<void> {
    try {
      const items = await list()
      this.size = items.length
      this.#resolve({ list: items })
    } catch (error) {
      this.#resolve({ error })
    }
  }
}
