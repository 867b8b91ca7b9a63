/** Networks in CIDR notation. */
import { BlockList, isIP } from 'node:net'

const BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 }

/**
 * The usual form: a lone address gets its whole length, bits behind the prefix become zero, IPv6 is shortened, and an
 * IPv4 address written as IPv6 is one of IPv4. Undefined for text that is no network.
 */
export function normalCidr(text: string): string | undefined {
  const [, address = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? []
  const plain = plainAddress(address)
  const bits = BITS[isIP(plain)]
  if (bits === undefined) return undefined
  const mapped = plain === address ? 0 : 96
  const prefix = length === undefined ? bits : Number(length) - (bits === 32 ? mapped : 0)
  if (prefix < 0 || prefix > bits) return undefined
  return `${masked(plain, bits, prefix)}/${prefix}`
}

/** Without the zone; `::ffff:192.0.2.7` is `192.0.2.7`. */
export function plainAddress(address: string): string {
  const [bare = ''] = address.split('%', 1)
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare
}

/** Whether a network holds an address, or all of another network. */
export function covers(cidr: string, other: string): boolean {
  const [network = '', prefix = ''] = cidr.split('/')
  const [address = '', length] = other.split('/')
  const [family, second] = [isIP(network), isIP(address)]
  if (family === 0 || family !== second) return false
  const [whole, part] = [Number(prefix), Number(length ?? BITS[family])]
  if (!isPrefix(whole, family) || !isPrefix(part, family) || part < whole) return false
  const list = new BlockList()
  list.addSubnet(network, whole, family === 4 ? 'ipv4' : 'ipv6')
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

function isPrefix(length: number, family: number): boolean {
  return Number.isInteger(length) && length >= 0 && length <= (BITS[family] ?? 0)
}

const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'] as const

/** Whether an address is of a network that the public one does not reach. */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE.some((cidr) => covers(cidr, plainAddress(address)))
}

function masked(address: string, bits: number, prefix: number): string {
  const free = BigInt(bits - prefix)
  const value = (numberOf(address, bits) >> free) << free
  return bits === 32 ? dotted(value) : shortened(value)
}

function numberOf(address: string, bits: number): bigint {
  const parts = bits === 32 ? address.split('.').map(Number) : groups(address)
  const size = bits === 32 ? 8n : 16n
  return parts.reduce((sum, part) => (sum << size) + BigInt(part), 0n)
}

function groups(address: string): readonly number[] {
  // The parser of URLs knows every form of IPv6; its answer has groups of hexadecimal digits alone.
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const read = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((part) => parseInt(part, 16))
  const [head, tail] = [read(before), read(after ?? '')]
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length
  return [...head, ...Array<number>(zeros).fill(0), ...tail]
}

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) & 255n).toString()).join('.')
}

function shortened(value: bigint): string {
  const hex = value.toString(16).padStart(32, '0')
  return new URL(`http://[${hex.match(/.{4}/g)?.join(':') ?? ''}]`).hostname.slice(1, -1)
}
