import { BlockList, isIP } from 'node:net'

/** Whether an address is within one of some CIDRs or plain addresses. */
export function within(address: string, blocks: readonly string[]): boolean {
  const list = new BlockList()
  for (const block of blocks) {
    const [net = '', bits] = block.split('/')
    const family = isIP(net) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(net, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Whether a port is in `22`, `8000-9000` or, for all of them, `0`, `all` or `any`. */
export function inPorts(port: number, ports: string): boolean {
  if (['0', 'all', 'any'].includes(ports)) return true
  const [first = 0, last = first] = ports.split('-').map(Number)
  return port >= first && port <= last
}

/** The address that a guest behind user-mode networking sees of every caller. */
export const CALLER = '10.0.2.2'
