import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { PreflightFault } from '../../contracts/driver.js'
import { messageOf } from '../../contracts/errors.js'

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/

/** What is wrong with the user's key file; nothing when none was named (agent or default keys). */
export async function privateKeyFault(path: string): Promise<PreflightFault | undefined> {
  if (path === '') return undefined
  try {
    const content = await readFile(path, 'utf8')
    if (PRIVATE_KEY.test(content)) return undefined
    return { message: `${path} is not a private SSH key`, hint: hintFor(path) }
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return {
      message: missing ? `SSH key does not exist: "${path}"` : messageOf(error),
      hint: 'Give the private key that logs in to the host with --generic-ssh-key FILE.',
    }
  }
}

function hintFor(path: string): string {
  return path.endsWith('.pub')
    ? `Give the private half: --generic-ssh-key ${path.slice(0, -'.pub'.length)}`
    : 'Keys in OpenSSH and PEM form are read; convert others with ssh-keygen -p -f FILE.'
}

/** A host name that resolves to nothing fails here rather than after minutes of waiting. */
export async function resolveFault(address: string): Promise<PreflightFault | undefined> {
  const [bare = ''] = address.split('%')
  if (isIP(bare) > 0) return undefined
  try {
    await lookup(address)
    return undefined
  } catch (error) {
    return { message: messageOf(error), hint: 'Check --generic-ip-address, or give the address in numbers.' }
  }
}
