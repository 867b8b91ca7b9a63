import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makePrivateDir } from '../util/atomic-file.js'
import { errnoOf, fileError } from '../util/file-error.js'

/** The store's name, when it has one already: 32 hex digits. */
export function readStoreId(path: string): string | undefined {
  try {
    return /^[0-9a-f]{32}$/.exec(readFileSync(path, 'utf8').trim())?.[0]
  } catch {
    return undefined
  }
}

/** The store's name, made at first need; of many processes that make it at once all get the same. */
export async function ensureStoreId(path: string): Promise<string> {
  const known = readStoreId(path)
  if (known !== undefined) return known
  await makePrivateDir(dirname(path))
  const id = randomBytes(16).toString('hex')
  const temporary = `${path}.${id.slice(0, 12)}.tmp`
  try {
    await writeFile(temporary, `${id}\n`, { mode: 0o600, flag: 'wx' })
    linkSync(temporary, path)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw fileError('write', path, error)
  } finally {
    rmSync(temporary, { force: true })
  }
  const made = readStoreId(path)
  if (made === undefined) throw fileError('read', path, new Error('it does not hold 32 hexadecimal digits'))
  return made
}
