import { timerMs } from './clock.js'

/**
 * Calls once when the signal is aborted, also when it was before: a listener alone is never told of that, and who relies on
 * one then waits without end. Never calls before it has returned. Returns what takes it back.
 */
export function onAbort(signal: AbortSignal | undefined, call: () => void): () => void {
  if (!signal) return () => undefined
  let isWanted = true
  const tell = (): void => {
    if (isWanted) call()
  }
  if (signal.aborted) queueMicrotask(tell)
  // eslint-disable-next-line no-restricted-syntax -- the one place
  else signal.addEventListener('abort', tell, { once: true })
  return () => {
    isWanted = false
    signal.removeEventListener('abort', tell)
  }
}

/** What `work` comes to, unless the signal is aborted first: then its reason is thrown, and nobody waits for the work. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal?.reason as Error))
    work.then(resolve, reject).finally(forget)
  })
}

/**
 * Aborted after `ms`; it does not keep the process alive. `AbortSignal.timeout` never ends what knows of it only through an
 * `AbortSignal.any`: Node throws it away, with its time, when it tidies its memory.
 */
export function timeoutSignal(ms: number): AbortSignal {
  const limit = new AbortController()
  setTimeout(() => limit.abort(new DOMException('The time is over', 'TimeoutError')), timerMs(ms)).unref()
  return limit.signal
}
