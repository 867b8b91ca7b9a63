/** Who may reach a machine through its provider's firewall. Pure. */
import { MachineError } from '../contracts/errors.js'
import type { Facts } from '../contracts/provision.js'
import type { AccessRules, MachineOptions, RecordedAccess } from '../contracts/record.js'
import { covers, isPrivateAddress, normalCidr, plainAddress } from '../util/cidr.js'

/** The word for everybody. */
export const ANY = 'any'
const EVERYBODY: readonly string[] = ['0.0.0.0/0', '::/0']

/** A new machine until the first connection tells who we are: keys only, a pinned host key, and no engine. */
export const OPEN_AT_CREATION: AccessRules = { ssh: EVERYBODY, engine: [] }

/** What the provider is to be told. An engine that is reached over SSH has its port open to nobody. */
export function rulesOf(
  { sources, here }: Pick<RecordedAccess, 'sources' | 'here'>,
  { engineAccess }: Pick<MachineOptions, 'engineAccess'>,
): AccessRules {
  const all = [...new Set([...(here === undefined ? [] : [here]), ...sources])]
  const open = isOpen(all) ? EVERYBODY : all
  return { ssh: open, engine: engineAccess === 'ssh' ? [] : open }
}

/** The same with SSH open to everybody for a moment. */
export function openedSsh(rules: AccessRules): AccessRules {
  return { ...rules, ssh: EVERYBODY }
}

export function isOpen(sources: readonly string[]): boolean {
  return sources.some((source) => source === ANY || EVERYBODY.includes(source))
}

export function sameRules(a: AccessRules, b: AccessRules): boolean {
  const text = ({ ssh, engine }: AccessRules): string => JSON.stringify([ssh.toSorted(), engine.toSorted()])
  return text(a) === text(b)
}

/** A source as the user gave it. @throws MachineError `usage` */
export function parseSource(text: string): string {
  if (text === ANY) return ANY
  const cidr = normalCidr(text)
  if (cidr === undefined)
    throw new MachineError('usage', `"${text}" is no address and no network`, {
      hints: ['Such as: 203.0.113.7, 203.0.113.0/24, 2001:db8::/64, or any'],
    })
  return EVERYBODY.includes(cidr) ? ANY : cidr
}

/**
 * This computer as the host saw it. Where we come in through a private network it is that network: addresses in it
 * change with the next lease. @throws MachineError `provision` when the host does not say
 */
export function callerSource(
  { clientAddress, hostSubnet }: Pick<Facts, 'clientAddress' | 'hostSubnet'>,
  endpointHost: string,
): string {
  // A host may say anything: one address it is, not all of them, and no network that is larger than private ones are.
  const cidr = clientAddress.includes('/') ? undefined : normalCidr(plainAddress(clientAddress))
  if (cidr === undefined)
    throw new MachineError('provision', 'The host does not say from which address we come (SSH_CONNECTION)', {
      hints: ['Say who may reach the machine: --open-to CIDR, or --open-to any'],
    })
  const subnet = hostSubnet === undefined ? undefined : normalCidr(hostSubnet)
  const isPrivate =
    isPrivateAddress(endpointHost) && subnet !== undefined && isPrivateAddress(subnet) && covers(subnet, cidr)
  return isPrivate ? subnet : cidr
}
