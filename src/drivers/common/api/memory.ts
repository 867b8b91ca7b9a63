import type { Clock } from '../../../contracts/clock.js'
import { Joint } from './joint.js'

interface Kept {
  readonly answer: Joint<unknown>
  readonly until: number
  /** When it was true. */
  readonly asOf: number
}

/** For what does not change while a process runs. */
export const FOR_GOOD = Infinity

/** Begins keys of things that may be removed at any time. */
export const THING = 'thing '

/** Answers that many machines of one process need: asked for once, and again when they are old. */
export class Memory {
  readonly #kept = new Map<string, Kept>()

  constructor(private readonly clock: Clock) {}

  /** `ask` gets a signal of its own: it goes on as long as anybody waits for the answer. A failure is not remembered. */
  async once<T>(
    key: string,
    forMs: number,
    signal: AbortSignal,
    ask: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    const known = this.#kept.get(key)
    const isFresh = known && !known.answer.isAbandoned && this.clock.monotonicMs() < known.until
    const answer = isFresh ? known.answer : this.#asked(key, forMs, ask)
    return (await answer.wait(signal)) as T
  }

  /** What somebody has said without being asked; it does not replace what is newer. */
  keep(key: string, forMs: number, value: unknown, asOf = this.clock.monotonicMs()): void {
    if ((this.#kept.get(key)?.asOf ?? -Infinity) > asOf) return
    this.#kept.set(key, { answer: new Joint(() => Promise.resolve(value)), until: asOf + forMs, asOf })
  }

  forget(key: string): void {
    this.#kept.delete(key)
  }

  /** Forgets what it knows of things that were found by name: one of them is gone. */
  forgetThings(): void {
    for (const key of this.#kept.keys()) if (key.startsWith(THING)) this.#kept.delete(key)
  }

  #asked(key: string, forMs: number, ask: (signal: AbortSignal) => Promise<unknown>): Joint<unknown> {
    const asOf = this.clock.monotonicMs()
    const answer = new Joint(async (signal) => {
      try {
        return await ask(signal)
      } catch (error) {
        if (this.#kept.get(key)?.answer === answer) this.forget(key)
        throw error
      }
    })
    this.#kept.set(key, { answer, until: asOf + forMs, asOf })
    return answer
  }
}
