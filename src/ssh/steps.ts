import { onAbort } from '../util/abort.js'
import { after } from '../util/wait.js'

/** A host that says a word now and then has so many times the time of one step. */
const MOST_STEPS = 4

/**
 * The time for making a connection, counted anew at each step forward: a far host needs many round trips and goes on, one
 * that hangs takes no step. `end` it when it is over.
 */
export class Steps {
  readonly #over = new AbortController()
  readonly #endAll: () => void
  #endStep: () => void = () => undefined
  readonly #release: () => void

  /** @param patience how long the first step is waited for, if that is less */
  constructor(
    private readonly ms: number,
    patience?: AbortSignal,
  ) {
    this.#endAll = after(MOST_STEPS * ms, () => this.#over.abort())
    this.#release = onAbort(patience, () => this.#over.abort(patience?.reason))
    this.#restart()
  }

  /** Aborted when a step takes too long; with the patience's own reason where that ended first. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  readonly forward = (): void => {
    this.#release()
    this.#restart()
  }

  end(): void {
    this.#release()
    this.#endStep()
    this.#endAll()
  }

  #restart(): void {
    this.#endStep()
    this.#endStep = after(this.ms, () => this.#over.abort())
  }
}
