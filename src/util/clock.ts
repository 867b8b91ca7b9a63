import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../contracts/clock.js'

/** The real clock; its monotonic time counts from the start of the process. `sleep` rejects with the signal's own reason, not with Node's AbortError. */
export const systemClock: Clock = realClock(true)

/** The real clock for what goes on beside the work: who sleeps on it does not keep the process alive. */
export const idleClock: Clock = realClock(false)

/** Node's timers know 25 days; what is to last longer would be over at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Milliseconds that a timer of Node's can be given. */
export function timerMs(ms: number): number {
  return Math.min(Math.ceil(ms), LONGEST_TIMER_MS)
}

function realClock(ref: boolean): Clock {
  return {
    monotonicMs: () => performance.now(),
    now: () => new Date(),
    async sleep(ms, signal) {
      try {
        await delay(timerMs(ms), undefined, signal ? { signal, ref } : { ref })
      } catch (error) {
        signal?.throwIfAborted()
        throw error
      }
    },
  }
}
