import type { RateBudget, RateLimit } from '../contracts/account.js'
import type { Clock } from '../contracts/clock.js'
import { MachineError } from '../contracts/errors.js'
import { DeadlineReached } from '../util/wait.js'
import type { TurnPlace } from './turn-file.js'
import { exhaust, grant, slotMs } from './turns.js'

/** Nobody waits for longer than this. */
const LONGEST_WAIT_MS = 15 * 60_000
/** Nor for longer than this in silence; a wait that goes on is told of again this often. */
const SILENT_MS = 3_000
const TOLD_EVERY_MS = 30_000
/** Most turns that a process takes at once, as a part of the limit. */
const LARGEST_BLOCK = 1 / 50

/** Whose limit it is, for texts, and where long waits are told. */
export interface BudgetStory {
  readonly provider: string
  say(text: string): void
}

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
  #quietUntil = 0

  constructor(
    private readonly limit: RateLimit,
    private readonly clock: Clock,
    private readonly place: TurnPlace,
    private readonly story?: BudgetStory,
  ) {}

  async take(signal: AbortSignal): Promise<void> {
    const since = this.#now()
    for (;;) {
      signal.throwIfAborted()
      await this.#saving
      if (this.#held > 0 && this.#now() < this.#heldUntil) return void this.#held--
      this.#refill ??= this.#ask().finally(() => (this.#refill = undefined))
      const waitMs = await this.#refill
      if (waitMs > 0) await this.#wait(waitMs, since, signal)
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

  async #wait(waitMs: number, since: number, signal: AbortSignal): Promise<void> {
    const until = new Date(this.#now() + waitMs)
    if (waitMs > LONGEST_WAIT_MS) throw this.#usedUp(until)
    if (until.getTime() - since >= SILENT_MS) this.#tell(until)
    try {
      await this.clock.sleep(waitMs, signal)
    } catch (error) {
      throw signal.reason instanceof DeadlineReached ? this.#usedUp(until) : error
    }
  }

  /** One line for all who wait. */
  #tell(until: Date): void {
    const now = this.#now()
    if (now < this.#quietUntil) return
    this.#quietUntil = Math.max(until.getTime(), now + TOLD_EVERY_MS)
    this.story?.say(`No calls are left of ${this.#name()}: waiting until ${until.toTimeString().slice(0, 8)}`)
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

  #usedUp(until: Date): MachineError {
    const at = until.toISOString()
    return new MachineError('driver', `No calls are left of ${this.#name()} until ${at}`, {
      evidence: `limit "${this.limit.name}": ${this.limit.calls} calls in ${this.limit.perMs / 1_000} s, reset at ${at}`,
      hints: ['Other programs that use the same account count too.', `Try again after ${at}.`],
    })
  }

  #name(): string {
    const { calls, perMs } = this.limit
    const whose = this.story === undefined ? '' : ` of ${this.story.provider}`
    return `the rate limit${whose} (${calls} in ${perMs / 1_000} s)`
  }
}
