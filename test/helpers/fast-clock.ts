import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../src/contracts/clock.js'

/** A clock that really goes, but many times as fast: for those who wait for each other over real connections. */
export class FastClock implements Clock {
  readonly #started = performance.now()

  constructor(
    private readonly factor: number,
    private readonly start = new Date(),
  ) {}

  monotonicMs(): number {
    return (performance.now() - this.#started) * this.factor
  }

  now(): Date {
    return new Date(this.start.getTime() + this.monotonicMs())
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await delay(ms / this.factor, undefined, { signal }).catch((error: unknown) => {
      signal?.throwIfAborted()
      throw error
    })
  }
}

/** Its pauses are short, its dates are right: for providers whose requests are dated. */
export class BriskClock extends FastClock {
  override now(): Date {
    return new Date()
  }
}
