import { onAbort } from '../../../util/abort.js'
/** A bounded number of places, given in the order of asking. */
export class Places {
  #free: number
  readonly #waiting = new Set<(error?: unknown) => void>()

  constructor(limit: number) {
    this.#free = limit
  }

  /** How many wait for a place. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Takes a place if one is free, at once. */
  tryTake(): boolean {
    if (this.#free === 0) return false
    this.#free--
    return true
  }

  /** Takes the next place that others leave. @throws the signal's reason */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, () => {
        this.#waiting.delete(serve)
        reject(signal.reason)
      })
      const serve = (): void => {
        forget()
        resolve()
      }
      this.#waiting.add(serve)
    })
  }

  /** Gives a place back: to the one who waits longest, if anybody does. */
  leave(): void {
    const [first] = this.#waiting
    if (!first) return void this.#free++
    this.#waiting.delete(first)
    first()
  }
}
