/** Files of the user's that a create was given. They are read once; copies in the machine's directory outlive them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DriverFactory } from '../contracts/driver.js'
import { MachineError, messageOf } from '../contracts/errors.js'
import type { JsonObject } from '../contracts/json.js'
import { parseHostKey } from '../ssh/host-key.js'
import { publicLineOf, readPrivateKey } from '../ssh/private-key.js'
import { errnoOf } from '../util/file-error.js'
import { CLIENT_KEY } from './identity-files.js'
import { checkedOwnUserData, readOwnUserData } from './own-user-data.js'

/** Name of the copy of the user's own user data. */
const OWN_USER_DATA = 'own-user-data'

/** Files for a new machine's directory by name. */
export type GivenFiles = Readonly<Record<string, Buffer>>

/** Reads what this config names. @throws MachineError `preflight` for what cannot be used */
export async function readGivenFiles(factory: DriverFactory, config: JsonObject): Promise<GivenFiles> {
  const [keyPath, userData] = [factory.clientKey?.(config), factory.ownUserData?.(config)]
  return {
    ...(keyPath ? await clientKeyFiles(keyPath) : {}),
    ...(userData ? { [OWN_USER_DATA]: await ownUserData(userData) } : {}),
  }
}

async function ownUserData(given: string | { readonly text: string }): Promise<Buffer> {
  if (typeof given === 'string') return await readOwnUserData(given)
  return checkedOwnUserData(Buffer.from(given.text), 'the command line')
}

/** The user's own user data: from what was just read, else from the copy. */
export async function givenUserData(dir: string, given: GivenFiles = {}): Promise<Buffer | undefined> {
  if (given[OWN_USER_DATA]) return given[OWN_USER_DATA]
  try {
    return await readFile(join(dir, OWN_USER_DATA))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The `authorized_keys` line of the user's own client key, if one was read. */
export function givenPublicLine(given: GivenFiles): string | undefined {
  return given[`${CLIENT_KEY}.pub`]?.toString('utf8').trim()
}

async function clientKeyFiles(path: string): Promise<GivenFiles> {
  const pem = await readKey(path)
  const publicLine = await publicLineOf(path)
  await readPrivateKey(path)
  return { [CLIENT_KEY]: pem, [`${CLIENT_KEY}.pub`]: Buffer.from(`${publicLine}\n`) }
}

async function readKey(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new MachineError('preflight', `SSH key does not exist: "${path}"`, {
      cause,
      hints: ['Give the path of a private key that this user can read.'],
    })
  }
}

/**
 * Lines of public key files (`--authorized-key FILE`), for `authorized_keys`.
 * @throws MachineError `usage` for a file that is none, a private key above all
 */
export async function readAuthorizedKeys(paths: readonly string[]): Promise<readonly string[]> {
  const lines = await Promise.all(paths.map(publicLines))
  return [...new Set(lines.flat())]
}

async function publicLines(path: string): Promise<readonly string[]> {
  const text = await readPublicFile(path)
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File/.test(text))
    throw new MachineError('usage', `${path} is a private key: it stays here and goes on no machine`, {
      hints: [`Give the public half: --authorized-key ${path}.pub`],
    })
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (lines.length === 0) throw new MachineError('usage', `${path} holds no public key (--authorized-key)`)
  return lines.map((line) => checkedLine(line, path))
}

async function readPublicFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new MachineError('usage', `Cannot read the public key ${path}: ${messageOf(cause)}`, { cause })
  }
}

/** `type base64 comment`, without options: what one of them would forbid us is hard to find out later. */
function checkedLine(line: string, path: string): string {
  try {
    const key = parseHostKey(line)
    const comment = line.split(/\s+/).slice(2).join(' ')
    return comment === '' ? key : `${key} ${comment}`
  } catch (cause) {
    throw new MachineError('usage', `${path} is not an SSH public key (--authorized-key)`, {
      cause,
      hints: [
        'A public key looks like "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA... name", with nothing before it',
      ],
    })
  }
}
