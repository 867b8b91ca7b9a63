import { createHash } from 'node:crypto'
import type { DriverDeps } from '../../../contracts/driver.js'

/** Names an account without telling its credentials: the key for `DriverDeps.account` and for what a process shares. */
export function accountKey(provider: string, baseUrl: string, credentials: string): string {
  const digest = createHash('sha256').update(credentials).digest('hex').slice(0, 16)
  return `${provider} ${baseUrl} ${digest}`
}

/**
 * Names where shared things of a store are: two tokens of one account must not make or remove the same firewall at once,
 * so the credentials are left out.
 */
export function placeKey(provider: string, ...where: readonly string[]): string {
  return [provider, ...where].join(' ')
}

const shared = new WeakMap<DriverDeps, Map<string, unknown>>()

/**
 * One `T` for each account in this process: many machines that are made at once share its client, its list loop and its
 * caches although each opens a driver of its own.
 */
export function perAccount<T>(deps: DriverDeps, key: string, make: () => T): T {
  const mine = shared.get(deps) ?? new Map<string, unknown>()
  shared.set(deps, mine)
  if (!mine.has(key)) mine.set(key, make())
  return mine.get(key) as T
}
