import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair } from '../ssh/key-pair.js'
import { writeFirst } from '../util/first-file.js'
import type { MachineContext } from './context.js'

/**
 * The store's key that nobody can log in with: its private half is never written. Providers are given it so that they
 * send no root password; our user data brings the key that counts.
 */
export async function placeholderKey({ store }: MachineContext): Promise<string> {
  const path = join(store.root, 'accounts', 'placeholder.pub')
  const comment = `tsmachine-${(await store.id()).slice(0, 8)}`
  await writeFirst(path, `${generateKeyPair(comment).publicLine}\n`)
  return (await readFile(path, 'utf8')).trim()
}
