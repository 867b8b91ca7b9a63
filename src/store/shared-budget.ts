import type { RateBudget, RateLimit } from '../contracts/account.js'
import type { Clock } from '../contracts/clock.js'
import { MachineError } from '../contracts/errors.js'
import type { TurnPlace } from './turn-file.js'
import { exhaust, grant, slotMs } from './turns.js'

/** Nobody waits in silence for longer than this. */
const LONGEST_WAIT_MS = 15 * 60_000
/** Most turns that a process takes at once, as a part of the limit. */
const LARGEST_BLOCK = 1 / 50

/**
 * Turns of one limit, shared by the processes of a store through a file. A process takes a block of them at once: one at
 * first, more while it keeps asking, so that the file is not written for each call. What a process does not use soon is void,
 * and so is what one that died has left.
 */
export class SharedBudget implements RateBudget {
  #held = 0
  #heldUntil = 0
  #block = 1
  #refill: Promise<number> | undefined
  #saving: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly limit: RateLimit,
    private readonly clock: Clock,
    private readonly place: TurnPlace,
  ) {}

  async take(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      await this.#saving
      if (this.#held > 0 && this.#now() < this.#heldUntil) return void this.#held--
      this.#refill ??= this.#ask().finally(() => (this.#refill = undefined))
      const waitMs = await this.#refill
      if (waitMs > LONGEST_WAIT_MS) throw this.#usedUp(waitMs)
      if (waitMs > 0) await this.clock.sleep(waitMs, signal)
    }
  }

  exhausted(resetAt: Date): void {
    this.#held = 0
    const save = (): Promise<unknown> =>
      this.place.change((state, now) => ({
        state: exhaust(this.limit, state, resetAt.getTime(), now),
        turns: 0,
        waitMs: 0,
      }))
    this.#saving = this.#saving.then(save)
  }

  /** Takes the next block; returns the milliseconds to wait where there is none. */
  async #ask(): Promise<number> {
    const most = Math.max(1, Math.floor(this.limit.calls * LARGEST_BLOCK))
    const steady = this.#now() < this.#heldUntil
    this.#block = steady ? Math.min(most, this.#block * 2) : 1
    const { turns, waitMs } = await this.place.change((state, now) =>
      grant(this.limit, state, this.#block, now),
    )
    if (turns === 0) return waitMs
    this.#held = turns
    this.#heldUntil = this.#now() + slotMs(this.limit)
    return 0
  }

  #now(): number {
    return this.clock.now().getTime()
  }

  #usedUp(waitMs: number): MachineError {
    const at = new Date(this.#now() + waitMs).toISOString()
    return new MachineError(
      'driver',
      `The limit of ${this.limit.calls} calls (${this.limit.name}) is used up until ${at}`,
      {
        hints: ['Other programs that use the same account count too.', `Try again after ${at}.`],
      },
    )
  }
}
