import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/**
 * Whether the other end of a connection within this computer is a process of this user's, or of root's: a port of 127.0.0.1 is
 * open to every user. True where the system does not tell (only Linux does); false for one that has let go of its end, whose it
 * was is no longer known, and what it has sent could still be read.
 */
export function isOwnPeer(
  socket: Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>,
): boolean {
  const me = process.getuid?.()
  const table = me === undefined ? undefined : tcpTable()
  if (table === undefined) return true
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  // A connection that was reset has no ends any more.
  if (!localAddress || !localPort || !remoteAddress || !remotePort) return false
  const here = hexAddress(localAddress, localPort)
  const there = hexAddress(remoteAddress, remotePort)
  // Not even who listens here is in a table that shows another network than the one that we are in.
  if (!table.some(([, local]) => local === here)) return true
  const peer = table.find(([, local, remote]) => local === there && remote === here)
  // The kernel says root of an end that no process has.
  return peer !== undefined && peer[INODE] !== '0' && [0, me].includes(Number(peer[UID]))
}

const UID = 7
const INODE = 9

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
function hexAddress(address: string, port: number): string {
  const bytes = Buffer.from(address.split('.').map(Number)).reverse()
  return `${bytes.toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
}
