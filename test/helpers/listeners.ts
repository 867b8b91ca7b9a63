/** On which addresses processes listen, as the kernel tells it (proc(5), /proc/net). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** `tcp 127.0.0.1:2376`, `unix /run/x/qmp`, `udp 0.0.0.0:53`. Sorted. */
export function listenersOf(pids: readonly number[]): readonly string[] {
  const inodes = new Set(pids.flatMap(socketsOf))
  const inet = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) => inetListeners(table, inodes))
  return [...inet, ...unixListeners(inodes)].sort()
}

/** Whether nobody but this computer reaches a listener: a port of its loopback, or a socket file. */
export function isLocal(listener: string): boolean {
  return /^(tcp|udp)6? (127\.|::1:)/.test(listener) || listener.startsWith('unix ')
}

/** All processes of a user. */
export function pidsOf(uid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statusOf(Number(name)).uid === uid)
    .map(Number)
}

/** What proc(5) says of a process: its effective user, seccomp mode and effective capabilities. */
export function statusOf(pid: number): { uid: number; seccomp: number; capabilities: string } {
  const text = readText(`/proc/${pid}/status`)
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? ''
  return {
    uid: Number(field('Uid').split(/\s+/)[1] ?? Number.NaN),
    seccomp: Number(field('Seccomp')),
    capabilities: field('CapEff'),
  }
}

function socketsOf(pid: number): readonly string[] {
  const dir = `/proc/${pid}/fd`
  try {
    return readdirSync(dir).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`${dir}/${fd}`))?.[1] ?? [])
  } catch {
    return []
  }
}

/** A UDP socket that is bound receives from everybody unless it is connected (state 1). */
const WAITING: Readonly<Record<string, string>> = { tcp: '0A', tcp6: '0A', udp: '07', udp6: '07' }

function inetListeners(table: string, inodes: ReadonlySet<string>): readonly string[] {
  return rowsOf(table).flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row
    if (state !== WAITING[table] || !inodes.has(inode)) return []
    return [`${table} ${addressOf(local)}`]
  })
}

function unixListeners(inodes: ReadonlySet<string>): readonly string[] {
  const LISTENS = 0x10000
  return rowsOf('unix').flatMap((row) => {
    const [, , , flags = '', , , inode = '', path = '(no name)'] = row
    return (Number.parseInt(flags, 16) & LISTENS) !== 0 && inodes.has(inode) ? [`unix ${path}`] : []
  })
}

function rowsOf(table: string): readonly (readonly string[])[] {
  const lines = readText(`/proc/net/${table}`).trim().split('\n').slice(1)
  return lines.map((line) => line.trim().split(/\s+/))
}

/** Words of 32 bits, each with its lowest byte first. */
function addressOf(hex: string): string {
  const [address = '', port = ''] = hex.split(':')
  const bytes = (address.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  )
  const text = bytes.length === 4 ? bytes.join('.') : ipv6(bytes)
  return `${text}:${Number.parseInt(port, 16)}`
}

function ipv6(bytes: readonly number[]): string {
  return bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1
    ? '::1'
    : Buffer.from(bytes).toString('hex')
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
