import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/**
 * Whether the other end of a connection within this computer is a process of this user's, or of root's: a port of 127.0.0.1 is
 * open to every user. True where the system does not tell (only Linux does).
 */
export function isOwnPeer(
  socket: Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>,
): boolean {
  const me = process.getuid?.()
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  const table = me === undefined ? undefined : tcpTable()
  if (table === undefined) return true
  const here = hexAddress(localAddress, localPort)
  const there = hexAddress(remoteAddress, remotePort)
  // Ours is missing too where the table shows another network than the one that we are in.
  if (!table.some(([, local, remote]) => local === here && remote === there)) return true
  const peer = table.find(([, local, remote]) => local === there && remote === here)
  return peer !== undefined && [0, me].includes(Number(peer[UID]))
}

const UID = 7

/** Source: proc_net_tcp in the kernel's Documentation/networking. */
function tcpTable(): readonly (readonly string[])[] | undefined {
  try {
    const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)
    return lines.map((line) => line.trim().split(/\s+/))
  } catch {
    return undefined
  }
}

/** `127.0.0.1` and 2376 as `0100007F:0948`. */
function hexAddress(address = '', port = 0): string {
  const bytes = Buffer.from(address.split('.').map(Number)).reverse()
  return `${bytes.toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
}
