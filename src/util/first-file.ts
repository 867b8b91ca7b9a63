import { linkSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makePrivateDir, syncDirectory, temporaryOf } from './atomic-file.js'
import { errnoOf, fileError, hasNoLinks } from './file-error.js'

/** Makes a private file unless it is there: of many processes that do so at once the first wins, and none sees half of it. */
export async function writeFirst(path: string, content: string): Promise<void> {
  await makePrivateDir(dirname(path))
  const temporary = temporaryOf(path)
  try {
    await writeForced(temporary, content)
    await makeOf(temporary, path, content)
    await syncDirectory(dirname(path))
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw fileError('write', path, error)
  } finally {
    removeQuietly(temporary)
  }
}

/** An empty file with the name would be one that nobody makes again: its content is on the disk first. */
async function writeForced(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function makeOf(temporary: string, path: string, content: string): Promise<void> {
  try {
    linkSync(temporary, path)
  } catch (error) {
    if (!hasNoLinks(error)) throw error
    await writeInPlace(path, content)
  }
}

async function writeInPlace(path: string, content: string): Promise<void> {
  try {
    await writeForced(path, content)
  } catch (error) {
    // One that was there stays; half of our own would be taken for it.
    if (errnoOf(error) !== 'EEXIST') removeQuietly(path)
    throw error
  }
}

/** The file itself is in its place, or the error says why not. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // It is in nobody's way.
  }
}
