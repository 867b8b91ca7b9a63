import { setMaxListeners } from 'node:events'
import type { Clock } from '../../../contracts/clock.js'
import { onAbort, unlessAborted } from '../../../util/abort.js'

export interface BatcherOptions<K, R> {
  /** One call for all of these; a key that the answer does not name resolves to undefined. */
  run(keys: readonly K[], signal: AbortSignal): Promise<ReadonlyMap<K, R>>
  readonly clock: Clock
  /** Most keys that one call may name. */
  readonly limit: number
  /** Milliseconds in which calls are gathered; 20 when absent. */
  readonly windowMs?: number
  /** Least milliseconds between two calls, so that many that come one after the other are joined; asked for each. */
  spacingMs?(): number
  /** A failure that a single key may have caused: the others are asked for again without it. */
  isOfOneKey?(error: unknown): boolean
}

interface Caller<K, R> {
  readonly key: K
  readonly signal: AbortSignal
  readonly resolve: (value: R | undefined) => void
  readonly reject: (error: unknown) => void
}

const WINDOW_MS = 20

/** Joins single calls that come close together to one call that names them all. */
export class Batcher<K, R> {
  #gathered: Caller<K, R>[] = []
  #lastAt = -Infinity

  constructor(private readonly options: BatcherOptions<K, R>) {}

  async call(key: K, signal: AbortSignal): Promise<R | undefined> {
    signal.throwIfAborted()
    const answer = new Promise<R | undefined>((resolve, reject) => {
      this.#gathered.push({ key, signal, resolve, reject })
      if (this.#gathered.length === 1) void this.#later()
      if (this.#gathered.length >= this.options.limit) this.#flush()
    })
    return await unlessAborted(answer, signal)
  }

  async #later(): Promise<void> {
    const mine = this.#gathered
    const { clock, windowMs = WINDOW_MS } = this.options
    const spacingMs = this.options.spacingMs?.() ?? 0
    await clock.sleep(Math.max(windowMs, this.#lastAt + spacingMs - clock.monotonicMs()))
    if (mine === this.#gathered) this.#flush()
  }

  #flush(): void {
    const callers = this.#gathered.filter(({ signal }) => !signal.aborted)
    this.#gathered = []
    this.#lastAt = this.options.clock.monotonicMs()
    if (callers.length > 0) void this.#run(callers)
  }

  async #run(callers: readonly Caller<K, R>[]): Promise<void> {
    const { signal, done } = whenAllAborted(callers.map((caller) => caller.signal))
    try {
      const answers = await this.options.run([...new Set(callers.map(({ key }) => key))], signal)
      for (const { key, resolve } of callers) resolve(answers.get(key))
    } catch (error) {
      if (callers.length > 1 && !signal.aborted && this.options.isOfOneKey?.(error))
        await this.#halves(callers)
      else for (const { reject } of callers) reject(error)
    } finally {
      done()
    }
  }

  async #halves(callers: readonly Caller<K, R>[]): Promise<void> {
    const middle = Math.ceil(callers.length / 2)
    await Promise.all([this.#run(callers.slice(0, middle)), this.#run(callers.slice(middle))])
  }
}

/** A signal that is aborted when nobody is left who wants the answer. */
function whenAllAborted(signals: readonly AbortSignal[]): { signal: AbortSignal; done: () => void } {
  const all = new AbortController()
  setMaxListeners(0, all.signal)
  const check = (): void => {
    if (signals.every((signal) => signal.aborted)) all.abort(signals[0]?.reason)
  }
  const listening = signals.map((signal) => onAbort(signal, check))
  return { signal: all.signal, done: () => listening.forEach((forget) => forget()) }
}
