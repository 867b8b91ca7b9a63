import { setMaxListeners } from 'node:events'
import { onAbort } from '../../../util/abort.js'

/**
 * Work that several wait for. Its signal is nobody's own: who gives up leaves at once and takes nobody along, and the work
 * is stopped when the last one has left. That one waits until it has really stopped.
 */
export class Joint<T> {
  readonly #stop = new AbortController()
  readonly #outcome: Promise<T>
  #waiting = 0

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    // Work may be many calls at once, which is no leak.
    setMaxListeners(0, this.#stop.signal)
    this.#outcome = work(this.#stop.signal)
    this.#outcome.catch(() => undefined)
  }

  /** All have left it: who comes now has to begin anew. */
  get isAbandoned(): boolean {
    return this.#stop.signal.aborted
  }

  async wait(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    let forget = (): void => undefined
    this.#waiting++
    const left = new Promise<never>((_resolve, reject) => {
      forget = onAbort(signal, () => {
        if (--this.#waiting > 0) reject(signal.reason as Error)
        else this.#stop.abort(signal.reason)
      })
    })
    try {
      return await Promise.race([this.#outcome, left])
    } finally {
      forget()
    }
  }
}
