import type { AccountDesk, RateBudget, RateLimit } from '../../src/contracts/account.js'
import type { Clock } from '../../src/contracts/clock.js'
import { SharedBudget } from '../../src/store/shared-budget.js'
import { TurnMemory } from '../../src/store/turn-file.js'

/** An account desk of one process, without files: time on a test's clock does not go on while a disk is written. */
export class MemoryDesk implements AccountDesk {
  readonly #budgets = new Map<string, RateBudget>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(private readonly clock: Clock) {}

  async exclusive<T>(_on: unknown, work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => undefined)
    return await mine
  }

  referredBy(): readonly string[] {
    return []
  }

  budget(limit: RateLimit): RateBudget {
    const known = this.#budgets.get(limit.name)
    const budget = known ?? new SharedBudget(limit, this.clock, new TurnMemory(limit, this.clock))
    this.#budgets.set(limit.name, budget)
    return budget
  }
}
