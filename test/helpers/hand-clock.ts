import type { Clock } from '../../src/contracts/clock.js'

/** Real milliseconds: what is read from disk or network meanwhile has come by then. */
const STUCK_MS = 60_000

interface Sleeper {
  readonly at: number
  wake(): void
}

/**
 * A clock for several who sleep at once: time stands still until the test moves it, and then goes from one sleeper to
 * the next, each of whom runs before it goes on.
 */
export class HandClock implements Clock {
  #ms = 0
  #sleepers: Sleeper[] = []

  constructor(private readonly start = new Date('2026-01-01T00:00:00.000Z')) {}

  monotonicMs(): number {
    return this.#ms
  }

  now(): Date {
    return new Date(this.start.getTime() + this.#ms)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const stop = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        reject(signal?.reason)
      }
      const wake = (): void => {
        signal?.removeEventListener('abort', stop)
        resolve()
      }
      const sleeper = { at: this.#ms + ms, wake }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', stop, { once: true })
    })
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    const end = this.#ms + ms
    await settled()
    while (await this.#next(end));
    this.#ms = end
    await settled()
  }

  /** Lets time pass until `work` has ended, however. @throws Error where it waits for something else than time */
  async runUntil(work: Promise<unknown>, idle: () => boolean = () => true): Promise<void> {
    let done = false
    const end = (): void => void (done = true)
    work.then(end, end)
    for (let moved = performance.now(); !done;) {
      await settled()
      if (done || !idle()) continue
      if (await this.#next(Infinity)) moved = performance.now()
      else if (performance.now() - moved > STUCK_MS)
        throw new Error('nobody sleeps, and the work has not ended')
    }
  }

  async #next(end: number): Promise<boolean> {
    const first = this.#sleepers.reduce<Sleeper | undefined>(
      (best, one) => (best === undefined || one.at < best.at ? one : best),
      undefined,
    )
    if (!first || first.at > end) return false
    this.#sleepers = this.#sleepers.filter((other) => other !== first)
    this.#ms = Math.max(this.#ms, first.at)
    first.wake()
    await settled()
    return true
  }
}

/** Everything that needs no time has run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
