import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import type { HostKeyPins, SshEndpoint } from '../contracts/ssh.js'
import { makePrivateDir, writeFileAtomic } from '../util/atomic-file.js'
import { checkedEndpoint } from './endpoint.js'
import { parseHostKey, sameKey } from './host-key.js'

/** Name under which a machine's own known_hosts file lists its keys, so that a changed address or port is no news. */
export const HOST_KEY_ALIAS = 'tsmachine-host'

/** Host keys that a `known_hosts` text has for an address, in pin form; hashed names and patterns included. */
export function keysFromKnownHosts(text: string, host: string, port: number): string[] {
  const names = port === 22 ? [host] : [`[${host}]:${port}`]
  const entries = text.split(/\r?\n/).flatMap((line) => parseEntry(line, names) ?? [])
  const revoked = entries.filter((entry) => entry.marker === '@revoked')
  return entries
    .filter((entry) => !entry.marker && !revoked.some((other) => sameKey(other.key, entry.key)))
    .map((entry) => entry.key)
}

interface Entry {
  readonly marker: string
  readonly key: string
}

/** sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: `[@marker] names type base64 [comment]`. */
function parseEntry(line: string, names: readonly string[]): Entry | undefined {
  const words = line.trim().split(/\s+/)
  if (words[0] === '' || words[0]?.startsWith('#')) return undefined
  const marker = words[0]?.startsWith('@') ? (words.shift() ?? '') : ''
  const [patterns, type, base64] = words
  if (!patterns || !type || !base64 || !names.some((name) => matches(patterns, name))) return undefined
  try {
    return { marker, key: parseHostKey(`${type} ${base64}`) }
  } catch {
    return undefined
  }
}

function matches(patterns: string, name: string): boolean {
  if (patterns.startsWith('|1|')) return matchesHash(patterns, name)
  const parts = patterns.toLowerCase().split(',')
  const lower = name.toLowerCase()
  if (parts.some((part) => part.startsWith('!') && matchesGlob(part.slice(1), lower))) return false
  return parts.some((part) => matchesGlob(part, lower))
}

/** `|1|base64 salt|base64 HMAC-SHA1(salt, name)`. */
function matchesHash(field: string, name: string): boolean {
  const [, , salt = '', hash = ''] = field.split('|')
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash
}

/** `*` and `?`. Where something does not fit only the last star takes more: a pattern of many stars takes no longer. */
function matchesGlob(pattern: string, name: string): boolean {
  let [at, from, star, tried] = [0, 0, -1, 0]
  while (from < name.length) {
    if (pattern[at] === '*') [star, tried] = [at++, from]
    else if (pattern[at] === '?' || pattern[at] === name[from]) [at, from] = [at + 1, from + 1]
    else if (star >= 0) [at, from] = [star + 1, ++tried]
    else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}

/**
 * Writes the file that the system's `ssh` checks a machine's host key against: exactly the pins, nothing learnt.
 * Returns its path.
 */
export async function writeKnownHosts(
  dir: string,
  endpoint: SshEndpoint,
  pins: HostKeyPins,
): Promise<string> {
  const path = join(dir, 'known_hosts')
  const { host, port } = checkedEndpoint(endpoint)
  const address = port === 22 ? host : `[${host}]:${port}`
  await makePrivateDir(dir)
  await writeFileAtomic(path, pins.keys.map((key) => `${HOST_KEY_ALIAS},${address} ${key}\n`).join(''))
  return path
}
