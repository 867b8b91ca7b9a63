/** Whether a plugin's process may be asked about a machine after another one: what can be said of their states. */
import { stateFields } from '../common/recorded/machine-resource.js'

/** Keys of docker-machine's base driver, and endings of others, whose values name one machine among those of an account. */
const BASE_KEYS: ReadonlySet<string> = new Set([
  'IPAddress',
  'MachineName',
  'SSHKeyPath',
  'SSHPort',
  'StorePath',
])
const NAMES_MACHINE =
  /(?:id|uuid|ip|ipv[46]|address|name|hostname|mac|serial|fingerprint|keypath|keypair|port)$/i
/** These end like that, and name whose machine it is or how one logs in at its provider (vSphere's `IP`). */
const NAMES_ACCOUNT =
  /^ip$|account|access|api|app|auth|client|cred|customer|domain|login|org|owner|profile|project|region|secret|subscription|team|tenant|token|user|vault|vcenter|zone/i

/**
 * What a state says apart from which machine it is: equal for those of one account that were made alike. Undefined for
 * what is no state.
 */
export function accountOf(state: string): string | undefined {
  const fields = Object.entries(stateFields(state))
  if (fields.length === 0) return undefined
  return JSON.stringify(fields.filter(([key]) => !namesMachine(key)).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Whether one process may be asked about both, as far as their states tell. */
export function sameAccount(a: string, b: string): boolean {
  const account = accountOf(a)
  return account !== undefined && account === accountOf(b)
}

function namesMachine(key: string): boolean {
  return BASE_KEYS.has(key) || (NAMES_MACHINE.test(key) && !NAMES_ACCOUNT.test(key))
}
