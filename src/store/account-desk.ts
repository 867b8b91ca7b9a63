import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { AccountDesk, RateBudget, RateLimit } from '../contracts/account.js'
import type { Clock } from '../contracts/clock.js'
import { withLock } from '../util/locks.js'
import { SharedBudget } from './shared-budget.js'
import type { Store } from './store.js'
import { TurnFile } from './turn-file.js'

/** What the processes of one store share for one account, below `<store>/accounts`. */
export class StoreDesk implements AccountDesk {
  readonly #dir: string

  constructor(
    private readonly store: Pick<Store, 'root' | 'readAll'>,
    key: string,
    private readonly clock: Clock,
  ) {
    this.#dir = join(store.root, 'accounts', createHash('sha256').update(key).digest('hex').slice(0, 16))
  }

  async exclusive<T>(what: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return await withLock(join(this.#dir, 'lock'), { what, signal, clock: this.clock }, work)
  }

  referredBy({ kind, key }: { kind: string; key: string }, except: string): readonly string[] {
    return this.store.readAll().flatMap(({ ledger }) => {
      if (!ledger || ledger.machineId === except || ledger.phase === 'removing') return []
      const refers = ledger.resources.some((resource) => resource.kind === kind && resource.key === key)
      return refers ? [ledger.machineId] : []
    })
  }

  budget(limit: RateLimit): RateBudget {
    const file = new TurnFile(join(this.#dir, `${limit.name}.json`), limit, this.clock)
    return new SharedBudget(limit, this.clock, file)
  }
}
