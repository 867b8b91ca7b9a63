import type { Clock } from '../contracts/clock.js'
import { onAbort } from './abort.js'

/** How long one may be silent before others that wait get its place, at the shortest and at the longest. */
const [SHORTEST_MS, LONGEST_MS] = [100, 1_000]
/** Who takes so many times as long as others took to answer is silent; a busy computer makes all of them slow. */
const PATIENCE = 4

export interface CrowdOptions {
  readonly atOnce: number
  readonly clock: Clock
  /** Milliseconds for everybody together, from now on. */
  readonly totalMs: number
  /** Ends everything, the deadline too: those who have not answered are given its reason. */
  readonly signal: AbortSignal
}

interface Turn {
  readonly work: (signal: AbortSignal) => Promise<unknown>
  readonly resolve: (value: never) => void
  readonly reject: (reason: unknown) => void
  /** How often its place was taken; each time it gets twice as long. */
  sentBack: number
  try?: { readonly stop: AbortController; readonly since: number }
}

/**
 * Asks many, some of whom never answer, a few at a time. A silent one keeps its place only as long as nobody waits for
 * it; then it goes to the end of the queue and is asked again. In half of the time everybody was asked once.
 */
export class Crowd {
  readonly #options: CrowdOptions
  readonly #started: number
  readonly #waiting = new Set<Turn>()
  /** In the order in which they were asked. */
  readonly #asked = new Set<Turn>()
  /** Sent back, and not yet gone: what they have open counts. */
  #leaving = 0
  readonly #answers = { count: 0, ms: 0 }
  #watch: AbortController | undefined

  constructor(options: CrowdOptions) {
    this.#options = options
    this.#started = options.clock.monotonicMs()
    onAbort(options.signal, () => this.#end())
  }

  /** `work` may be begun several times; its signal says when to let go. */
  ask<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add({ work, resolve, reject, sentBack: 0 })
      if (this.#options.signal.aborted) this.#end()
      else this.#fill()
    })
  }

  #fill(): void {
    for (const turn of this.#waiting) {
      if (this.#asked.size + this.#leaving >= this.#options.atOnce) break
      this.#waiting.delete(turn)
      this.#begin(turn)
    }
    if (this.#waiting.size === 0) this.#watch?.abort()
    else if (!this.#watch) void this.#watchSilent()
  }

  #begin(turn: Turn): void {
    const own = { stop: new AbortController(), since: this.#now() }
    turn.try = own
    this.#asked.add(turn)
    const settle = (tell: () => void): void => {
      // Its place was taken: only the latest try counts.
      if (turn.try !== own) return this.#left()
      this.#asked.delete(turn)
      this.#answers.count++
      this.#answers.ms += this.#now() - own.since
      tell()
      this.#fill()
    }
    turn.work(own.stop.signal).then(
      (value) => settle(() => turn.resolve(value as never)),
      (error: unknown) => settle(() => turn.reject(error)),
    )
  }

  #left(): void {
    this.#leaving--
    this.#fill()
  }

  async #watchSilent(): Promise<void> {
    const watch = new AbortController()
    this.#watch = watch
    try {
      while (!watch.signal.aborted && this.#asked.size > 0) {
        const patience = this.#patienceMs()
        const due = Math.min(...[...this.#asked].map((turn) => dueAt(turn, patience)))
        await this.#options.clock.sleep(Math.max(1, due - this.#now()), watch.signal)
        this.#sendBack()
      }
    } catch (error) {
      if (!watch.signal.aborted) throw error
    } finally {
      this.#watch = undefined
      if (this.#waiting.size > 0 && this.#asked.size > 0) void this.#watchSilent()
    }
  }

  /** As many of the silent ones as there are others who wait. */
  #sendBack(): void {
    const [now, patience] = [this.#now(), this.#patienceMs()]
    const silent = [...this.#asked].filter((turn) => dueAt(turn, patience) <= now)
    for (const turn of silent.slice(0, this.#waiting.size)) {
      turn.try?.stop.abort()
      delete turn.try
      turn.sentBack++
      this.#leaving++
      this.#asked.delete(turn)
      this.#waiting.add(turn)
    }
  }

  #patienceMs(): number {
    const left = this.#options.totalMs - (this.#now() - this.#started)
    const rounds = Math.ceil(this.#waiting.size / this.#options.atOnce)
    const share = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, left / 2 / Math.max(1, rounds)))
    const usual = this.#answers.count === 0 ? 0 : this.#answers.ms / this.#answers.count
    return Math.max(share, PATIENCE * usual)
  }

  #end(): void {
    const turns = [...this.#asked, ...this.#waiting]
    this.#asked.clear()
    this.#waiting.clear()
    this.#watch?.abort()
    for (const turn of turns) {
      turn.try?.stop.abort()
      delete turn.try
      turn.reject(this.#options.signal.reason)
    }
  }

  #now(): number {
    return this.#options.clock.monotonicMs()
  }
}

function dueAt(turn: Turn, patienceMs: number): number {
  return (turn.try?.since ?? 0) + patienceMs * 2 ** turn.sentBack
}
