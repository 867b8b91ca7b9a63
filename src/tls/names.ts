import { isIP, isIPv4 } from 'node:net'
import { domainToASCII } from 'node:url'

/** Names and addresses of a certificate in one form each, without doubles: what equality is tested on. */
export function normalSans(sans: readonly string[]): string[] {
  return [...new Set(sans.map(normalSan).filter(Boolean))]
}

/** Lower case, names as a certificate has them (xn--); IPv6 in its short form without zone and brackets. */
export function normalSan(san: string): string {
  const text = san.trim().toLowerCase()
  const address = text.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  if (isIP(address) === 6) return new URL(`http://[${address}]`).hostname.slice(1, -1)
  return /^[\x20-\x7e]*$/.test(text) ? text : domainToASCII(text) || text
}

/** Network bytes of an address: 4 or 16. */
export function ipBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = normalSan(address).split('::')
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0)
  return Buffer.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]))
}

function groups(text: string): number[] {
  return text ? text.split(':').map((group) => parseInt(group, 16)) : []
}
