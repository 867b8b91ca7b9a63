import type { FirewallFacts, InputChain } from '../src/contracts/provision.js'
import type { RawFacts } from './engine-facts.js'
import { parseUnits } from './units.js'

/** Which firewall decides on a host about what comes in, and what it says. */
export function firewallFacts(raw: RawFacts): FirewallFacts | undefined {
  const units = parseUnits(raw['units'] ?? '')
  if (raw['firewalld'] === 'yes' || units['firewalld.service']?.ActiveState === 'active')
    return {
      name: 'firewalld',
      ports: [...(raw['firewalld_ports'] ?? '').matchAll(PORT_ATTRIBUTE)].map(second),
    }
  if (raw['ufw'] === 'yes' && units['ufw.service']?.ActiveState !== 'inactive')
    return { name: 'ufw', ports: [...(raw['ufw_rules'] ?? '').matchAll(TUPLE)].map(second) }
  const chains = [...iptablesChain(raw['iptables_input'] ?? ''), ...nftChains(raw['nft_input'] ?? '')]
  return chains.length > 0 ? { name: 'packet filter', chains } : undefined
}

/** `<port protocol="tcp" port="2376"/>` in a zone's file. */
const PORT_ATTRIBUTE = /<port\b[^<>]*\bport="([0-9-]+)"/g
/** `### tuple ### allow tcp 2376 0.0.0.0/0 any 0.0.0.0/0 in` */
const TUPLE = /^### tuple ### \w+ (?:tcp|any) ([0-9:,]+) /gm

function second(match: RegExpExecArray): string {
  return match[1] ?? ''
}

/** `iptables -S INPUT`. */
function iptablesChain(text: string): InputChain[] {
  const policy = /^-P INPUT (\w+)/m.exec(text)?.[1]
  if (policy === undefined) return []
  const rules = [...text.matchAll(/^-A INPUT (.*)$/gm)].map(second)
  return [{ tool: 'iptables', place: ['INPUT'], policy: policy === 'ACCEPT' ? 'accept' : 'drop', rules }]
}

/** The engine listens on IPv4. */
const FAMILIES: ReadonlySet<string> = new Set(['ip', 'inet'])
const NAME = /^[A-Za-z0-9_./-]+$/

/** facts.sh's excerpt of nft's rules: `chain FAMILY TABLE CHAIN DECLARATION`, then its `rule` lines. */
function nftChains(text: string): InputChain[] {
  const chains: (InputChain & { rules: string[] })[] = []
  let skip = true
  for (const line of text.split('\n')) {
    const [kind, ...words] = line.trim().split(/\s+/)
    if (kind === 'chain') {
      const place = words.slice(0, 3)
      // iptables' own chain is told by iptables.
      skip = !FAMILIES.has(place[0] ?? '') || place.join(' ') === 'ip filter INPUT'
      skip ||= !place.every((word) => NAME.test(word)) || !/\btype filter\b/.test(line)
      const policy = /\bpolicy (drop|reject)\b/.test(line) ? 'drop' : 'accept'
      if (!skip) chains.push({ tool: 'nft', place, policy, rules: [] })
    } else if (kind === 'rule' && !skip) chains.at(-1)?.rules.push(words.join(' '))
  }
  return chains
}
