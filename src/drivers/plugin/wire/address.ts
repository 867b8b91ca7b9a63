import { isIP, isIPv4 } from 'node:net'
import { MachineError } from '../../../contracts/errors.js'

/** Where a plugin listens: on its first line of output. */
export interface PluginAddress {
  readonly host: string
  readonly port: number
}

const FORM = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/

/** A plugin's address line; undefined unless it is a port of this computer: a plugin must not send us elsewhere. */
export function readAddress(line: string): PluginAddress | undefined {
  const [, v6, v4, digits] = FORM.exec(line.trim()) ?? []
  const [host, port] = [v6 ?? v4 ?? '', Number(digits)]
  return isLoopback(host) && isPort(port) ? { host, port } : undefined
}

/** What a plugin prints is not trusted to choose whom we talk to. */
export function refuseOtherHosts({ host, port }: PluginAddress): void {
  if (!isLoopback(host))
    throw new MachineError('driver', `A driver plugin must listen on this computer only, not on ${host}`)
  if (!isPort(port)) throw new MachineError('driver', `A driver plugin cannot listen on port ${port}`)
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.')
  return isIP(host) === 6 && /^(0{0,4}:){2,7}0{0,3}1$|^::ffff:127\.[0-9.]+$/i.test(host)
}
