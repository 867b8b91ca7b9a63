import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RateBudget, RateLimit } from '../contracts/account.js'
import type { Clock } from '../contracts/clock.js'
import { isMachineError, MachineError } from '../contracts/errors.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import { withLock } from '../util/locks.js'
import { exhaust, freshTurns, type Grant, grant, slotMs, type TurnState } from './turns.js'

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
  readonly #path: string
  #held = 0
  #heldUntil = 0
  #block = 1
  #refill: Promise<number> | undefined
  #saving: Promise<unknown> = Promise.resolve()
  /** Counts for this process where the file cannot be written. */
  #own: TurnState | undefined

  constructor(
    dir: string,
    private readonly limit: RateLimit,
    private readonly clock: Clock,
  ) {
    this.#path = join(dir, `${limit.name}.json`)
  }

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
      this.#change((state, now) => ({
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
    const { turns, waitMs } = await this.#change((state, now) => grant(this.limit, state, this.#block, now))
    if (turns === 0) return waitMs
    this.#held = turns
    this.#heldUntil = this.#now() + slotMs(this.limit)
    return 0
  }

  async #change(next: (state: TurnState, now: number) => Grant): Promise<Grant> {
    try {
      return await withLock(`${this.#path}.lock`, { what: 'count calls', clock: this.clock }, async () => {
        const now = this.#now()
        const result = next(readTurns(this.#path) ?? freshTurns(this.limit, now), now)
        await writeFileAtomic(this.#path, JSON.stringify(result.state))
        return result
      })
    } catch (error) {
      if (!isMachineError(error)) throw error
      return this.#alone(next)
    }
  }

  /** A store that cannot be written to (read-only, full) must not stop a call. */
  #alone(next: (state: TurnState, now: number) => Grant): Grant {
    const now = this.#now()
    const result = next(this.#own ?? freshTurns(this.limit, now), now)
    this.#own = result.state
    return result
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

/** Undefined where there is no such file, or a broken one: then counting begins anew. */
function readTurns(path: string): TurnState | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isTurnState(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isTurnState(value: unknown): value is TurnState {
  if (typeof value !== 'object' || value === null) return false
  const { given, left, at, until } = value as Record<string, unknown>
  const pairs =
    Array.isArray(given) && given.every((pair) => Array.isArray(pair) && pair.every(Number.isFinite))
  return pairs && [left, at, until].every(Number.isFinite)
}
