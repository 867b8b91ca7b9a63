import type { Clock } from '../../../src/contracts/clock.js'

/** What a provider's limit says of one request. */
export interface RateVerdict {
  readonly allowed: boolean
  readonly headers: Readonly<Record<string, string>>
}

export interface RateLimit {
  /** Counts a request, and says whether it may go on. */
  take(): RateVerdict
}

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** So many requests in any hour, and so many in any minute: each is forgotten when it is as old as its window. */
export class SlidingWindows implements RateLimit {
  readonly #taken: number[] = []
  #hourFrom = 0
  #minuteFrom = 0

  constructor(
    private readonly clock: Clock,
    private readonly limits: { readonly hour: number; readonly minute: number },
  ) {}

  take(): RateVerdict {
    const now = this.clock.monotonicMs()
    this.#hourFrom = this.#firstWithin(this.#hourFrom, now - HOUR_MS)
    this.#minuteFrom = this.#firstWithin(this.#minuteFrom, now - MINUTE_MS)
    const tooManyAnHour = this.#taken.length - this.#hourFrom >= this.limits.hour
    const tooManyAMinute = this.#taken.length - this.#minuteFrom >= this.limits.minute
    const allowed = !tooManyAnHour && !tooManyAMinute
    if (allowed) this.#taken.push(now)
    return { allowed, headers: this.#headers(now, tooManyAMinute && !tooManyAnHour) }
  }

  #firstWithin(from: number, oldest: number): number {
    let index = from
    while (index < this.#taken.length && (this.#taken[index] ?? 0) <= oldest) index += 1
    return index
  }

  /** The hour's numbers; only a refusal by the minute comes with a time to wait. */
  #headers(now: number, burst: boolean): Record<string, string> {
    const oldest = this.#taken[this.#hourFrom] ?? now
    const reset = this.clock.now().getTime() + oldest + HOUR_MS - now
    const wait = (this.#taken[this.#minuteFrom] ?? now) + MINUTE_MS - now
    return {
      'ratelimit-limit': `${this.limits.hour}`,
      'ratelimit-remaining': `${this.limits.hour - (this.#taken.length - this.#hourFrom)}`,
      'ratelimit-reset': `${Math.ceil(reset / 1000)}`,
      ...(burst ? { 'retry-after': `${Math.ceil(wait / 1000)}` } : {}),
    }
  }
}

/** A bucket that is full at first and gets one request back every `1 / perSecond` seconds. */
export class LeakyBucket implements RateLimit {
  #left: number
  #seen: number

  constructor(
    private readonly clock: Clock,
    private readonly limits: { readonly size: number; readonly perSecond: number },
  ) {
    this.#left = limits.size
    this.#seen = clock.monotonicMs()
  }

  take(): RateVerdict {
    const now = this.clock.monotonicMs()
    const { size, perSecond } = this.limits
    this.#left = Math.min(size, this.#left + ((now - this.#seen) / 1000) * perSecond)
    this.#seen = now
    const allowed = this.#left >= 1
    if (allowed) this.#left -= 1
    const full = this.clock.now().getTime() / 1000 + (size - this.#left) / perSecond
    return {
      allowed,
      headers: {
        'RateLimit-Limit': `${size}`,
        'RateLimit-Remaining': `${Math.floor(this.#left)}`,
        'RateLimit-Reset': `${Math.ceil(full)}`,
      },
    }
  }
}
