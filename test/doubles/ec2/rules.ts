/** Firewall rules one peer at a time, as EC2 compares them. */
import type { IpPermission } from '@aws-sdk/client-ec2'
import { within } from '../cloud/cidr.js'
import { badValue, refuse } from './errors.js'

interface Peer {
  readonly kind: 'IpRanges' | 'Ipv6Ranges' | 'UserIdGroupPairs'
  readonly value: string
}

export interface Rule {
  readonly protocol: string
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly peer: Peer
  readonly description?: string | undefined
}

const NUMBERS: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '1': 'icmp', '58': 'icmpv6' }
const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmpv6', '-1']

export function flat(permissions: readonly IpPermission[]): Rule[] {
  return permissions.flatMap((permission) => {
    const protocol = protocolOf(permission.IpProtocol ?? '')
    const { FromPort: from, ToPort: to } = permission
    if (protocol === 'tcp' || protocol === 'udp') checkPorts(from, to)
    return peersOf(permission).map(({ peer, description }) => ({ protocol, from, to, peer, description }))
  })
}

function protocolOf(text: string): string {
  const name = NUMBERS[text] ?? text.toLowerCase()
  if (!PROTOCOLS.includes(name)) refuse('InvalidPermission.Malformed', `Unsupported IP protocol "${text}"`)
  return name
}

function checkPorts(from: number | undefined, to: number | undefined): void {
  if (from === undefined || to === undefined)
    return refuse('MissingParameter', 'The request must contain the parameter fromPort and toPort')
  if (from < 0 || to > 65_535 || from > to)
    refuse('InvalidParameterValue', `Invalid TCP port range (${from}:${to})`)
}

function peersOf(permission: IpPermission): { peer: Peer; description?: string | undefined }[] {
  const v4 = (permission.IpRanges ?? []).map(({ CidrIp = '', Description }) => ({
    peer: { kind: 'IpRanges' as const, value: checkedV4(CidrIp) },
    description: Description,
  }))
  const v6 = (permission.Ipv6Ranges ?? []).map(({ CidrIpv6 = '', Description }) => ({
    peer: { kind: 'Ipv6Ranges' as const, value: checkedV6(CidrIpv6) },
    description: Description,
  }))
  const groups = (permission.UserIdGroupPairs ?? []).map(({ GroupId = '', Description }) => ({
    peer: { kind: 'UserIdGroupPairs' as const, value: GroupId },
    description: Description,
  }))
  const all = [...v4, ...v6, ...groups]
  return all.length > 0
    ? all
    : refuse('InvalidParameterValue', 'No source or destination is given for the permission.')
}

function checkedV4(cidr: string): string {
  const [address = '', bits = ''] = cidr.split('/')
  const bytes = address.split('.').map(Number)
  const ok = bytes.length === 4 && bytes.every((byte) => byte >= 0 && byte <= 255) && /^\d+$/.test(bits)
  if (!ok || Number(bits) > 32) return badValue('CidrIp', cidr, 'CIDR block is malformed')
  return `${address}/${Number(bits)}`
}

function checkedV6(cidr: string): string {
  return /^[0-9a-f:]+\/\d{1,3}$/i.test(cidr) ? cidr : badValue('CidrIpv6', cidr, 'CIDR block is malformed')
}

/** Descriptions do not count. */
export function contains(rules: readonly Rule[], rule: Rule): boolean {
  return rules.some((each) => ruleText(each) === ruleText(rule))
}

export function ruleText({ protocol, from, to, peer }: Rule): string {
  const ports = from === undefined ? '' : `, from port: ${from}, to port: ${to ?? from}`
  return `peer: ${peer.value}, ${protocol === '-1' ? 'ALL' : protocol.toUpperCase()}${ports}, ALLOW`
}

/** Rules of the same ports are shown as one permission. */
export function unflat(rules: readonly Rule[]): IpPermission[] {
  const permissions = new Map<string, IpPermission>()
  for (const { protocol, from, to, peer, description } of rules) {
    const key = `${protocol} ${from ?? ''} ${to ?? ''}`
    const permission: IpPermission = permissions.get(key) ?? {
      IpProtocol: protocol,
      ...(from === undefined ? {} : { FromPort: from, ToPort: to }),
      IpRanges: [],
      Ipv6Ranges: [],
      PrefixListIds: [],
      UserIdGroupPairs: [],
    }
    permissions.set(key, permission)
    const said = description === undefined ? {} : { Description: description }
    if (peer.kind === 'IpRanges') permission.IpRanges?.push({ CidrIp: peer.value, ...said })
    if (peer.kind === 'Ipv6Ranges') permission.Ipv6Ranges?.push({ CidrIpv6: peer.value, ...said })
    if (peer.kind === 'UserIdGroupPairs') permission.UserIdGroupPairs?.push({ GroupId: peer.value, ...said })
  }
  return [...permissions.values()]
}

/** TCP ports among `served` that the rules open to an IPv4 address. */
export function openPorts(rules: readonly Rule[], caller: string, served: readonly number[]): number[] {
  const fits = ({ protocol, from = 0, to = 65_535, peer }: Rule, port: number): boolean =>
    (protocol === 'tcp' || protocol === '-1') &&
    port >= from &&
    port <= to &&
    peer.kind === 'IpRanges' &&
    within(caller, [peer.value])
  return served.filter((port) => rules.some((rule) => fits(rule, port)))
}
