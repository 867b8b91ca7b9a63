import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../contracts/clock.js'

/** The real clock; its monotonic time counts from the start of the process. `sleep` rejects with the signal's own reason, not with Node's AbortError. */
export const systemClock: Clock = realClock(true)

/** The real clock for what goes on beside the work: who sleeps on it does not keep the process alive. */
export const idleClock: Clock = realClock(false)

function realClock(ref: boolean): Clock {
  return {
    monotonicMs: () => performance.now(),
    now: () => new Date(),
    async sleep(ms, signal) {
      try {
        await delay(ms, undefined, signal ? { signal, ref } : { ref })
      } catch (error) {
        signal?.throwIfAborted()
        throw error
      }
    },
  }
}
