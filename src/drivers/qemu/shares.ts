import { posix, resolve } from 'node:path'
import type { JsonObject } from '../../contracts/json.js'

/** One folder of this computer that the guest sees. */
export interface Share {
  readonly host: string
  readonly guest: string
  readonly readOnly: boolean
}

/** Guest folders that a share would hide, and the engine or the system with them. */
const RESERVED = [
  '/',
  '/bin',
  '/boot',
  '/home',
  '/home/docker',
  '/lib',
  '/lib64',
  '/sbin',
  '/var',
  '/var/lib',
  '/var/log',
]
/** The same, with all that lies in them. */
const RESERVED_TREES = [
  '/dev',
  '/home/docker/.ssh',
  '/proc',
  '/sys',
  '/run',
  '/etc',
  '/usr',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/var/lib/tsmachine',
]

/** Reads `HOST[:GUEST][:ro]`. A relative HOST is taken from the current directory. */
export function parseShare(text: string): Share | { readonly fault: string } {
  const parts = text.split(':')
  const readOnly = parts.length > 1 && parts.at(-1) === 'ro'
  if (readOnly) parts.pop()
  else if (parts.length > 1 && parts.at(-1) === 'rw') parts.pop()
  const [host = '', guest] = parts
  if (host === '' || parts.length > 2 || guest === '') return { fault: 'expected HOST[:GUEST][:ro]' }
  const from = resolve(host)
  const to = posix.normalize(guest ?? from).replace(/(.)\/$/, '$1')
  const fault = guestFault(to)
  return fault === undefined ? { host: from, guest: to, readOnly } : { fault }
}

function guestFault(guest: string): string | undefined {
  if (!guest.startsWith('/')) return `the guest folder ${JSON.stringify(guest)} must be an absolute path`
  if (/[\p{Cc}]/u.test(guest)) return 'the guest folder holds control characters'
  if (RESERVED.includes(guest) || RESERVED_TREES.some((dir) => `${guest}/`.startsWith(`${dir}/`)))
    return `the guest folder ${guest} belongs to the guest's system; give another one: HOST:GUEST`
  return undefined
}

/** Faults of shares together: two in one place. */
export function shareFaults(shares: readonly Share[]): string[] {
  const guests = shares.map((share) => share.guest)
  return [...new Set(guests.filter((guest, index) => guests.indexOf(guest) !== index))].map(
    (guest) => `two folders for ${guest} in the guest`,
  )
}

/** The form in which a share is recorded; `parseShare` reads it back. */
export function shareText(share: Share): string {
  return `${share.host}:${share.guest}${share.readOnly ? ':ro' : ''}`
}

/** Shares of a recorded config. */
export function sharesOf(texts: readonly string[]): readonly Share[] {
  return texts.map(parseShare).filter((share) => 'host' in share)
}

/** 9p mount tag of the n-th share; at most 31 bytes. */
export function shareTag(index: number): string {
  return `share${index}`
}

/**
 * cloud-init's `mounts` for the shares. `cache=mmap` so that programs in containers may map files; `access=client`
 * is not used: the host decides with the rights of the user who runs QEMU. Source: Documentation/filesystems/9p.rst
 */
export function shareUserData(texts: readonly string[]): JsonObject {
  const mounts = sharesOf(texts).map((share, index) => [
    shareTag(index),
    share.guest,
    '9p',
    `trans=virtio,version=9p2000.L,msize=262144,cache=mmap,nofail${share.readOnly ? ',ro' : ''}`,
    '0',
    '0',
  ])
  return mounts.length === 0 ? {} : { mounts }
}
