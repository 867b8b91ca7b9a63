import type { Clock } from '../../contracts/clock.js'

interface Kept {
  readonly value: Promise<unknown>
  readonly until: number
  /** When it was true. */
  readonly asOf: number
  /** Of who asked: an answer that its asker gave up is no answer for others. */
  readonly signal: AbortSignal
}

/** Answers that many machines of one process need: asked for once, and again when they are old. */
export class Memory {
  readonly #kept = new Map<string, Kept>()

  constructor(private readonly clock: Clock) {}

  async once<T>(key: string, forMs: number, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(key)
    if (known && this.clock.monotonicMs() < known.until)
      try {
        return (await known.value) as T
      } catch (error) {
        if (!known.signal.aborted) throw error
      }
    signal.throwIfAborted()
    const value = ask()
    const asOf = this.clock.monotonicMs()
    this.#kept.set(key, { value, until: asOf + forMs, asOf, signal })
    value.catch(() => this.forget(key))
    return await value
  }

  /** What somebody has said without being asked; it does not replace what is newer. */
  keep(key: string, forMs: number, value: unknown, asOf = this.clock.monotonicMs()): void {
    if ((this.#kept.get(key)?.asOf ?? -Infinity) > asOf) return
    this.#kept.set(key, { value: Promise.resolve(value), until: asOf + forMs, asOf, signal: NEVER })
  }

  forget(key: string): void {
    this.#kept.delete(key)
  }

  /** Forgets what it knows of things that were found by name: one of them is gone. */
  forgetThings(): void {
    for (const key of this.#kept.keys()) if (key.startsWith(THING)) this.#kept.delete(key)
  }
}

const NEVER = new AbortController().signal

/** Begins keys of things that may be removed at any time. */
export const THING = 'thing '
