import { messageOf } from '../../../src/contracts/errors.js'
import { CALLER, inPorts, within } from '../cloud/cidr.js'
import { SERVED_PORTS } from '../cloud/guest.js'
import { selects } from './labels.js'
import type { Firewall, Project, Rule, Server } from './state.js'

export function isAppliedTo({ servers, selectors }: Firewall, server: Server): boolean {
  return servers.has(server.id) || [...selectors].some((selector) => selects(selector, server.labels))
}

export function firewallsOf(project: Project, server: Server): readonly Firewall[] {
  return [...project.firewalls.values()].filter((firewall) => isAppliedTo(firewall, server))
}

/** Ports of a server that a caller with this address reaches; without a firewall all. */
export function reachablePorts(project: Project, server: Server, caller: string): readonly number[] {
  const firewalls = firewallsOf(project, server)
  if (firewalls.length === 0) return SERVED_PORTS
  const rules = firewalls.flatMap(({ rules }) => rules)
  return SERVED_PORTS.filter((port) => rules.some((rule) => lets(rule, port, caller)))
}

function lets(
  { direction, protocol, port = '', source_ips = [] }: Rule,
  wanted: number,
  caller: string,
): boolean {
  return direction === 'in' && protocol === 'tcp' && inPorts(wanted, port) && within(caller, source_ips)
}

/** Brings what is really open to what the rules say, after any change. */
export function applyFirewalls(project: Project): void {
  for (const server of project.servers.values()) applyFirewallsTo(project, server)
}

export function applyFirewallsTo(project: Project, server: Server): void {
  server.power.guest
    .open(reachablePorts(project, server, CALLER))
    .catch((error: unknown) => project.violations.push(`server ${server.name}: ${messageOf(error)}`))
}
