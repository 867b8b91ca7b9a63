import type { DriverEvent } from '../../contracts/driver.js'

/** Lines that wait for who listens. */
const MOST_LINES = 1_000

/** What a plugin prints while it works, as events in between. */
export class LogEvents {
  #lines: DriverEvent[] = []
  #wake: () => void = () => undefined

  push(level: 'info' | 'debug', text: string): void {
    if (this.#lines.length < MOST_LINES) this.#lines.push({ type: 'log', level, text })
    this.#wake()
  }

  /** Passes lines on until `work` has ended; returns what it returned. @throws what it threw */
  async *during<T>(work: Promise<T>): AsyncGenerator<DriverEvent, T> {
    let ended = false
    const end = (): void => {
      ended = true
      this.#wake()
    }
    work.then(end, end)
    for (;;) {
      const lines = this.#lines
      this.#lines = []
      yield* lines
      if (this.#lines.length > 0) continue
      if (ended) return await work
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
