import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { AccountDesk, RateBudget, RateLimit } from '../contracts/account.js'
import type { Clock } from '../contracts/clock.js'
import { withLock } from '../util/locks.js'
import { SharedBudget } from './shared-budget.js'
import type { Store } from './store.js'
import { TurnFile } from './turn-file.js'

/** Longer than anybody holds such a lock: a provider may take a minute to let go of something. */
const WAIT_MS = 150_000

/** What the processes of one store share for one account, below `<store>/accounts`. */
export class StoreDesk implements AccountDesk {
  readonly #dir: string
  readonly #budgets = new Map<string, RateBudget>()

  constructor(
    private readonly store: Pick<Store, 'root' | 'readAll'>,
    private readonly key: string,
    private readonly clock: Clock,
    /** Where long waits for a turn are told. */
    private readonly say: (text: string) => void = () => undefined,
  ) {
    this.#dir = join(store.root, 'accounts', shortHash(key))
  }

  async exclusive<T>(
    { kind, key, what }: { kind: string; key: string; what: string },
    work: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const path = join(this.#dir, `${shortHash(`${kind} ${key}`)}.lock`)
    return await withLock(path, { what, waitMs: WAIT_MS, signal, clock: this.clock }, work)
  }

  referredBy({ kind, key }: { kind: string; key: string }, except: string): readonly string[] {
    return this.store.readAll().flatMap(({ ledger }) => {
      if (!ledger || ledger.machineId === except || ledger.phase === 'removing') return []
      const refers = ledger.resources.some((resource) => resource.kind === kind && resource.key === key)
      return refers ? [ledger.machineId] : []
    })
  }

  budget(limit: RateLimit): RateBudget {
    const known = this.#budgets.get(limit.name)
    if (known) return known
    const file = new TurnFile(join(this.#dir, `${limit.name}.json`), limit, this.clock)
    // Keys begin with the provider's name.
    const [provider = ''] = this.key.split(' ')
    const budget = new SharedBudget(limit, this.clock, file, { provider, say: this.say })
    this.#budgets.set(limit.name, budget)
    return budget
  }
}

/** Names may hold anything. */
function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
