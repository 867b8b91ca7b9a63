/** EC2's request limits: a bucket for each action in each region. */
import type { Clock } from '../../../src/contracts/clock.js'
import { LeakyBucket } from '../cloud/rate-limit.js'

interface Rate {
  readonly size: number
  readonly perSecond: number
}

const RATES: readonly (readonly [RegExp, Rate])[] = [
  [/^(Run|Start|Stop)Instances$/, { size: 5, perSecond: 2 }],
  [/^TerminateInstances$/, { size: 100, perSecond: 5 }],
  [/^CreateTags$/, { size: 100, perSecond: 10 }],
  [/^(Describe|Get)/, { size: 100, perSecond: 20 }],
  [/./, { size: 50, perSecond: 5 }],
]

export class Throttle {
  readonly #buckets = new Map<string, LeakyBucket>()

  constructor(private readonly clock: Clock) {}

  refuses(region: string, action: string): boolean {
    const key = `${region} ${action}`
    const bucket = this.#buckets.get(key) ?? new LeakyBucket(this.clock, rateOf(action))
    this.#buckets.set(key, bucket)
    return !bucket.take().allowed
  }
}

function rateOf(action: string): Rate {
  return RATES.find(([pattern]) => pattern.test(action))?.[1] ?? { size: 50, perSecond: 5 }
}
