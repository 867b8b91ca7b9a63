import { createHash } from 'node:crypto'
import type { AccessRules, MachineIdentity } from '../../../contracts/driver.js'

/** Tags of everything that we make, in our form; each driver renders them in its provider's. */
export const STORE_TAG = 'tsmachine-store'
export const ID_TAG = 'tsmachine-id'
export const NAME_TAG = 'tsmachine-name'

/** Digits of a store's id that names hold. */
const STORE_DIGITS = 8

/** Whether tags are those of this machine. */
export function isOf(tags: Readonly<Record<string, string>>, machine: Pick<MachineIdentity, 'id'>): boolean {
  return tags[ID_TAG] === machine.id
}

/** Whether two ids are of one store: names hold the first digits only. */
export function isSameStore(one = '', other = ''): boolean {
  const length = Math.min(one.length, other.length)
  return length >= STORE_DIGITS && one.slice(0, length) === other.slice(0, length)
}

/** Name of what all machines of a store share at an account: `tsmachine-STORE8` and what tells it from others. */
export function sharedName(storeId: string, suffix?: string): string {
  return ['tsmachine', storeId.slice(0, STORE_DIGITS), ...(suffix === undefined ? [] : [suffix])].join('-')
}

/** Name of the firewall of all machines of a store that have these rules. */
export function firewallName(storeId: string, rules: AccessRules, extra: readonly string[] = []): string {
  const text = JSON.stringify([[...rules.ssh].sort(), [...rules.engine].sort(), [...extra].sort()])
  return sharedName(storeId, createHash('sha256').update(text).digest('hex').slice(0, 8))
}
