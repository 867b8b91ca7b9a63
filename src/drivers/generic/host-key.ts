import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageOf } from '../../contracts/errors.js'

const KEY_TYPES = /^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9-]+@openssh\.com)$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}=?$/
const HOW =
  'it must be a public key line (`ssh-ed25519 AAAA...`), a `SHA256:...` fingerprint, or a file with such lines'

/** Accepted host keys, one a line (`type base64` or `SHA256:...`), or what is wrong with the text. */
export type HostKeyText = { readonly keys: string } | { readonly fault: string }

/**
 * Reads `--generic-host-key`: a key, a fingerprint, or the name of a file that holds some. Files may be `.pub` files,
 * the output of `ssh-keyscan`, or known_hosts lines; the record holds the keys, so the file is not needed later.
 */
export function readHostKey(text: string): HostKeyText {
  const direct = hostKeyOf(text)
  if (direct !== undefined) return { keys: direct }
  if (/^(MD5:)?([0-9a-f]{2}:){15}[0-9a-f]{2}$/i.test(text))
    return {
      fault: 'an MD5 fingerprint is too weak to pin a host; give the SHA256: one (ssh-keygen -l -f FILE)',
    }
  return readFile(resolve(text))
}

function readFile(path: string): HostKeyText {
  try {
    const content = readFileSync(path, 'utf8')
    if (content.includes('PRIVATE KEY'))
      return { fault: `${path} holds a private key; give the host's public key` }
    const keys = content.split('\n').flatMap((line) => hostKeyOf(line) ?? [])
    return keys.length > 0 ? { keys: keys.join('\n') } : { fault: `${path} holds no host key; ${HOW}` }
  } catch (error) {
    return { fault: `${messageOf(error)}; ${HOW}` }
  }
}

/** The key or fingerprint in one line, without host names before it and comments after it. */
function hostKeyOf(line: string): string | undefined {
  const words = line.trim().split(/\s+/)
  if (words[0]?.startsWith('#') || words[0]?.startsWith('@')) return undefined
  const fingerprint = words.find((word) => FINGERPRINT.test(word))
  if (fingerprint !== undefined) return fingerprint.replace(/=$/, '')
  const at = words.findIndex((word) => KEY_TYPES.test(word))
  const [type, blob] = at < 0 ? [] : words.slice(at)
  return type !== undefined && blob !== undefined && isBlobOf(type, blob) ? `${type} ${blob}` : undefined
}

/** A key blob begins with its own type as an SSH string (RFC 4253, 6.6). */
function isBlobOf(type: string, blob: string): boolean {
  // Node passes over what is no base64.
  if (!BASE64.test(blob)) return false
  const bytes = Buffer.from(blob, 'base64')
  return (
    bytes.length > 4 + type.length &&
    bytes.readUInt32BE(0) === type.length &&
    bytes.toString('latin1', 4, 4 + type.length) === type
  )
}
