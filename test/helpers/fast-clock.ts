import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../src/contracts/clock.js'

/** Longest stretch of real time that counts: a computer with other work to do may let this process stand for seconds. */
const STEP_MS = 50

/**
 * A clock that really goes, but many times as fast: for those who wait for each other over real connections. It goes no
 * further than its process does.
 */
export class FastClock implements Clock {
  #looked = performance.now()
  #at = 0

  constructor(
    private readonly factor: number,
    private readonly start = new Date(),
  ) {}

  monotonicMs(): number {
    const real = performance.now()
    this.#at += Math.min(real - this.#looked, STEP_MS) * this.factor
    this.#looked = real
    return this.#at
  }

  now(): Date {
    return new Date(this.start.getTime() + this.monotonicMs())
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const until = this.monotonicMs() + ms
    await delay(ms / this.factor, undefined, { signal }).catch((error: unknown) => {
      signal?.throwIfAborted()
      throw error
    })
    this.#at = Math.max(this.monotonicMs(), until)
  }
}

/** Its pauses are short, its dates are right: for providers whose requests are dated. */
export class BriskClock extends FastClock {
  override now(): Date {
    return new Date()
  }
}
