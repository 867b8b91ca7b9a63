import { isIP, isIPv4 } from 'node:net'

/** Where a plugin listens. */
export interface PluginAddress {
  readonly host: string
  readonly port: number
}

const FORM = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/

/** A plugin's address line; undefined unless it is a port of this computer: a plugin must not send us elsewhere. */
export function readAddress(line: string): PluginAddress | undefined {
  const [, v6, v4, digits] = FORM.exec(line.trim()) ?? []
  const [host, port] = [v6 ?? v4 ?? '', Number(digits)]
  if (!isLoopback(host) || port < 1 || port > 65_535) return undefined
  return { host, port }
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.')
  return isIP(host) === 6 && /^(0{0,4}:){2,7}0{0,3}1$|^::ffff:127\.[0-9.]+$/i.test(host)
}
