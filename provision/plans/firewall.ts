import type { Facts, InputChain, Step } from '../../src/contracts/provision.js'
import { firewallService, firewallUnit } from './firewall-texts.js'
import { FIREWALL_RULES, FIREWALL_SERVICE, FIREWALL_UNIT } from './places.js'
import { file, run } from './steps.js'

/**
 * Lets the engine's port in where the host's own firewall would not. A rule that somebody made for this port, whatever it
 * says, is left alone: who limits it to some addresses means it.
 */
export function firewallSteps(facts: Facts, port: number): Step[] {
  const { firewall } = facts
  if (firewall === undefined) return []
  if (firewall.name === 'packet filter') return filterSteps(facts, firewall.chains, port)
  if (firewall.ports.some((ports) => covers(ports, port))) return []
  const why = `let TCP port ${port} in through ${firewall.name}`
  return firewall.name === 'ufw'
    ? [run(['ufw', 'allow', `${port}/tcp`], why)]
    : [run(['sh', '@lib/firewalld.sh', String(port), facts.hostAddress], why)]
}

/** Plain rules have no place of their own that outlives a reboot: a service of ours puts ours in again. */
function filterSteps(facts: Facts, chains: readonly InputChain[], port: number): Step[] {
  const closed = chains.filter((chain) => !lets(chain, port))
  if (closed.length === 0) return []
  const rules = closed.map(({ tool, place }) => `${[tool, port, ...place].join(' ')}\n`).join('')
  return [
    file(FIREWALL_RULES, rules, 'remember what the firewall has to let in'),
    run(['sh', '@lib/open-port.sh', 'install'], `let TCP port ${port} in through the firewall`),
    ...(BOOT[facts.init]?.() ?? []),
  ]
}

const BOOT: Readonly<Partial<Record<Facts['init'], () => Step[]>>> = {
  systemd: () => [
    file(FIREWALL_UNIT, firewallUnit(), 'let it in after a reboot too'),
    run(['systemctl', 'enable', 'tsmachine-firewall.service'], 'let it in after a reboot too'),
  ],
  openrc: () => [
    file(FIREWALL_SERVICE, firewallService(), 'let it in after a reboot too', { mode: '755' }),
    run(['rc-update', 'add', 'tsmachine-firewall', 'default'], 'let it in after a reboot too'),
  ],
}

/** Whether a chain lets a connection to the port pass, or has a rule of its own for it. */
export function lets({ policy, rules }: InputChain, port: number): boolean {
  for (const rule of rules) {
    if (portsOf(rule).some((ports) => covers(ports, port))) return true
    const end = LAST_WORD.exec(rule)
    if (end) return (end[1] ?? end[2])?.toLowerCase() === 'accept'
  }
  return policy === 'accept'
}

/** A rule without any condition, which decides what the earlier ones left. */
const LAST_WORD =
  /^(?:-j (ACCEPT|DROP|REJECT)\b.*|(?:counter (?:packets \d+ bytes \d+ )?|log (?:prefix "[^"]*" )?)*(accept|drop|reject)\b.*)$/

const DPORT = /(?:--dports? |\btcp dport |\bth dport )(!= )?(?:\{ ?([^}]*)\}|(\S+))/g

function portsOf(rule: string): string[] {
  return [...rule.matchAll(DPORT)].flatMap(([, not, set, one]) => (not ? [] : [set ?? one ?? '']))
}

/** `22`, `22,2376`, `2000:3000`, `2000-3000` and lists of these. */
function covers(ports: string, port: number): boolean {
  return ports.split(',').some((part) => {
    const [first, last = first] = part.trim().split(/[:-]/).map(Number)
    return first !== undefined && last !== undefined && first <= port && port <= last
  })
}
