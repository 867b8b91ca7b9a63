import { randomBytes } from 'node:crypto'
import { linkSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makePrivateDir } from './atomic-file.js'
import { errnoOf, fileError } from './file-error.js'

/** Makes a private file unless it is there: of many processes that do so at once the first wins, and none sees half of it. */
export async function writeFirst(path: string, content: string): Promise<void> {
  await makePrivateDir(dirname(path))
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeFile(temporary, content, { mode: 0o600, flag: 'wx' })
    linkSync(temporary, path)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw fileError('write', path, error)
  } finally {
    rmSync(temporary, { force: true })
  }
}
