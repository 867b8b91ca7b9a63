import type { Clock } from '../../src/contracts/clock.js'
import { systemClock } from '../../src/util/clock.js'

/** A clock whose waits are over sooner: sleeping takes a `factor`th of the time. */
export function hastyClock(factor: number): Clock {
  let skipped = 0
  return {
    now: () => systemClock.now(),
    monotonicMs: () => systemClock.monotonicMs() + skipped,
    async sleep(ms, signal) {
      await systemClock.sleep(ms / factor, signal)
      skipped += ms - ms / factor
    },
  }
}
