import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import { generateKeyPair } from '../ssh/key-pair.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import { removeForGood } from '../util/durable.js'

/** File names inside a machine directory. `id_rsa` is called so whatever its type: scripts name it. */
export const CLIENT_KEY = 'id_rsa'
const HOST_KEY = 'host_key'

/** The client key of a machine: the user's own if a create was given one, else made when it is missing. */
export async function ensureClientKey(
  dir: string,
  name: string,
): Promise<{ path: string; publicLine: string }> {
  const pair = await ensurePair(join(dir, CLIENT_KEY), name)
  return { path: join(dir, CLIENT_KEY), publicLine: pair.publicLine }
}

/** The host key that a new guest boots with. It lies here only until the guest has rotated it away. */
export async function ensureHostKey(
  dir: string,
  name: string,
): Promise<{ privatePem: string; publicLine: string }> {
  return await ensurePair(join(dir, HOST_KEY), name)
}

/** Whether our copy of the private host key still lies here: what a guest boots with may hold it as well. */
export function hasHostKey(dir: string): boolean {
  return existsSync(join(dir, HOST_KEY))
}

/** Forgets the private host key after rotation. */
export async function removeHostKey(dir: string): Promise<void> {
  await removeForGood(join(dir, HOST_KEY), join(dir, `${HOST_KEY}.pub`))
}

/** The public line of the client key, for a seed that is written again. */
export async function readPublicLine(keyPath: string): Promise<string> {
  return (await readFile(`${keyPath}.pub`, 'utf8')).trim()
}

async function ensurePair(
  path: string,
  comment: string,
): Promise<{ privatePem: string; publicLine: string }> {
  if (!existsSync(path) || !existsSync(`${path}.pub`)) {
    const pair = generateKeyPair(comment)
    await writeFileAtomic(`${path}.pub`, `${pair.publicLine}\n`, { mode: 0o600 })
    await writeFileAtomic(path, pair.privatePem, { mode: 0o600 })
  }
  return { privatePem: await readFile(path, 'utf8'), publicLine: await readPublicLine(path) }
}

/** Copies the user's own key into the machine directory under its own name, as docker-machine does. */
export async function importClientKey(dir: string, source: string): Promise<string> {
  const target = join(dir, basename(source))
  const key = await readFile(source).catch((error: unknown) => {
    throw new MachineError('preflight', `SSH key does not exist: "${source}"`, {
      cause: error,
      hints: ['Give the path of a private key that this user can read.'],
    })
  })
  const line = await readFile(`${source}.pub`).catch(() => undefined)
  if (line) await writeFileAtomic(`${target}.pub`, line, { mode: 0o600 })
  await writeFileAtomic(target, key, { mode: 0o600 })
  return target
}
