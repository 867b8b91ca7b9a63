import { createHash } from 'node:crypto'
import { MachineError } from '../contracts/errors.js'
import { readString } from './wire.js'

/**
 * Brings a public key text to the form that pins have: `type base64`, no comment.
 * @throws MachineError `usage` when it is not a public key line
 */
export function parseHostKey(text: string): string {
  const [type = '', base64 = ''] = text.trim().split(/\s+/)
  const blob = Buffer.from(base64, 'base64')
  if (!type || !base64 || keyType(blob) !== type || !isWhole(blob) || !isBase64(base64, blob))
    throw new MachineError('usage', `Not an SSH public key: "${text.trim().slice(0, 60)}"`, {
      hints: [
        'A public key looks like "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA..." (the content of a .pub file)',
      ],
    })
  return `${type} ${blob.toString('base64')}`
}

/** Its parts and nothing behind them: what is pinned with more never fits the key that the host shows. */
function isWhole(blob: Buffer): boolean {
  let at = 0
  for (let part = readString(blob, 0); part; part = readString(blob, at)) at = part.next
  return at === blob.length
}

/** Node passes over what is not base64. */
function isBase64(text: string, blob: Buffer): boolean {
  const plain = (each: string): string => each.replaceAll('=', '')
  return plain(blob.toString('base64')) === plain(text)
}

/** Pin form of a key blob as the server sends it. */
export function hostKeyLine(blob: Buffer): string {
  return `${keyType(blob) ?? 'unknown'} ${blob.toString('base64')}`
}

function keyType(blob: Buffer): string | undefined {
  return readString(blob, 0)?.value.toString('latin1')
}

/** `SHA256:...` as `ssh-keygen -l` prints it, of a key in pin form. */
export function fingerprint(key: string): string {
  const blob = Buffer.from(key.trim().split(/\s+/)[1] ?? '', 'base64')
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

/** True for text that names a key by its hash instead of giving it. */
export function isFingerprint(text: string): boolean {
  return /^SHA256:[A-Za-z0-9+/]{43}=?$/.test(text.trim())
}

/** Whether a key in pin form has this `SHA256:` fingerprint. */
export function hasFingerprint(key: string, wanted: string): boolean {
  return fingerprint(key) === wanted.trim().replace(/=+$/, '')
}

/** What is the same key or not: comments and spacing do not count. */
export function sameKey(one: string, other: string): boolean {
  return one.trim().split(/\s+/, 2).join(' ') === other.trim().split(/\s+/, 2).join(' ')
}
