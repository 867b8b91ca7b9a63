import type { DriverEvent } from '../../contracts/driver.js'

/** Lines that wait for who listens. */
const MOST_LINES = 1_000

/** What a plugin prints while it works, as events in between. */
export class LogEvents {
  #lines: DriverEvent[] = []
  #dropped = 0
  #wake: () => void = () => undefined

  push(level: 'info' | 'debug', text: string): void {
    if (this.#lines.length < MOST_LINES) this.#lines.push({ type: 'log', level, text })
    else this.#dropped++
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
      yield* this.rest()
      if (this.#lines.length > 0) continue
      if (ended) return await work
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** What has come and was not passed on yet, and how many lines there was no room for. */
  rest(): readonly DriverEvent[] {
    const [lines, dropped] = [this.#lines, this.#dropped]
    this.#lines = []
    this.#dropped = 0
    if (dropped === 0) return lines
    return [
      ...lines,
      { type: 'log', level: 'warn', text: `${dropped} more lines of the plugin are not shown` },
    ]
  }
}
