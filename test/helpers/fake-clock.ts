import type { Clock } from '../../src/contracts/clock.js'

/** A clock on which sleeping takes no time: `sleep` moves it on at once. */
export class FakeClock implements Clock {
  /** Pauses asked for so far, in milliseconds. */
  readonly sleeps: number[] = []
  #ms = 0

  constructor(private readonly start = new Date('2026-01-01T00:00:00.000Z')) {}

  monotonicMs(): number {
    return this.#ms
  }

  now(): Date {
    return new Date(this.start.getTime() + this.#ms)
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.sleeps.push(ms)
    this.#ms += ms
    await Promise.resolve()
    signal?.throwIfAborted()
  }

  /** Lets time pass without anybody sleeping. */
  advance(ms: number): void {
    this.#ms += ms
  }
}
