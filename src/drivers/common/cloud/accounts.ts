import type { DriverDeps, JsonObject } from '../../../contracts/driver.js'
import type { CloudAccount } from './account.js'

const opened = new WeakMap<DriverDeps, Map<string, Promise<CloudAccount>>>()

/** How a driver opens an account. */
export interface AccountSource<A extends CloudAccount> {
  /** Provider, endpoint and a fingerprint of the credentials: the same for all machines of one account. */
  accountKey(config: JsonObject): string
  openAccount(config: JsonObject, deps: DriverDeps): Promise<A>
}

/** The account of a config: one per process, so that all machines share its waits, its turns and its connections. */
export async function accountOf<A extends CloudAccount>(
  source: AccountSource<A>,
  config: JsonObject,
  deps: DriverDeps,
): Promise<A> {
  const known = opened.get(deps) ?? new Map<string, Promise<CloudAccount>>()
  opened.set(deps, known)
  const key = source.accountKey(config)
  const account = known.get(key) ?? source.openAccount(config, deps)
  known.set(key, account)
  account.catch(() => known.delete(key))
  return (await account) as A
}
