import { messageOf } from '../../../src/contracts/errors.js'
import { CALLER, inPorts, within } from '../cloud/cidr.js'
import { SERVED_PORTS } from '../cloud/guest.js'
import type { Account, Droplet, Firewall, FirewallRule } from './state.js'

/** Firewalls of a droplet: those that name it, and those of its tags. */
export function firewallsOf(account: Account, droplet: Droplet): readonly Firewall[] {
  return [...account.firewalls.values()].filter(
    ({ droplets, tags }) => droplets.has(droplet.id) || [...tags].some((tag) => droplet.tags.has(tag)),
  )
}

/** Ports of a droplet that a caller with this address reaches; without a firewall all. */
export function reachablePorts(account: Account, droplet: Droplet, caller: string): readonly number[] {
  const firewalls = firewallsOf(account, droplet)
  if (firewalls.length === 0) return SERVED_PORTS
  const rules = firewalls.flatMap(({ inbound }) => inbound)
  return SERVED_PORTS.filter((port) => rules.some((rule) => lets(rule, port, caller)))
}

function lets(rule: FirewallRule, port: number, caller: string): boolean {
  return rule.protocol === 'tcp' && inPorts(port, rule.ports) && within(caller, rule.sources?.addresses ?? [])
}

/** Brings what is really open to what the rules say, after any change. */
export function applyFirewalls(account: Account): void {
  for (const droplet of account.droplets.values()) applyFirewallsTo(account, droplet)
}

export function applyFirewallsTo(account: Account, droplet: Droplet): void {
  checkWayOut(account, droplet)
  droplet.power.guest
    .open(reachablePorts(account, droplet, CALLER))
    .catch((error: unknown) => account.violations.push(`droplet ${droplet.name}: ${messageOf(error)}`))
}

/** A firewall without rules for the way out cuts a droplet off, which is easily forgotten and shows nowhere here. */
function checkWayOut(account: Account, droplet: Droplet): void {
  const firewalls = firewallsOf(account, droplet)
  const out = firewalls.flatMap(({ outbound }) => outbound)
  const text = `droplet ${droplet.name}: its firewalls let nothing out over TCP`
  if (firewalls.length === 0 || account.violations.includes(text)) return
  if (!out.some(({ protocol, ports }) => protocol === 'tcp' && inPorts(443, ports)))
    account.violations.push(text)
}
