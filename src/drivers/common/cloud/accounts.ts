import type { DriverDeps, JsonObject } from '../../../contracts/driver.js'
import { perAccount } from '../api/per-account.js'
import type { CloudAccount } from './account.js'

/** How a driver opens an account. */
export interface AccountSource<A extends CloudAccount> {
  /** The same for all machines of one account; made by `accountKey`. */
  accountKey(config: JsonObject): string
  openAccount(config: JsonObject, deps: DriverDeps): Promise<A>
}

/** The account of a config: one per process, so that all machines share its waits, its turns and its connections. */
export async function accountOf<A extends CloudAccount>(
  source: AccountSource<A>,
  config: JsonObject,
  deps: DriverDeps,
): Promise<A> {
  return await perAccount(deps, source.accountKey(config), () => source.openAccount(config, deps))
}
