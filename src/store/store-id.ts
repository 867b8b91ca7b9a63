import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileError } from '../util/file-error.js'
import { writeFirst } from '../util/first-file.js'

/** The store's name, when it has one already: 32 hex digits. */
export function readStoreId(path: string): string | undefined {
  try {
    return /^[0-9a-f]{32}$/.exec(readFileSync(path, 'utf8').trim())?.[0]
  } catch {
    return undefined
  }
}

/** Content of the file for a new name. */
export function newStoreId(): string {
  return `${randomBytes(16).toString('hex')}\n`
}

/** The store's name, made at first need; of many processes that make it at once all get the same. */
export async function ensureStoreId(path: string): Promise<string> {
  const known = readStoreId(path)
  if (known !== undefined) return known
  await writeFirst(path, newStoreId())
  const made = readStoreId(path)
  if (made === undefined) throw fileError('read', path, new Error('it does not hold 32 hexadecimal digits'))
  return made
}
