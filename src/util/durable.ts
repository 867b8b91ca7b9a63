/** What must not be lost in a power cut, or must not come back after it. */
import { readdir, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isMachineError } from '../contracts/errors.js'
import { syncDirectory } from './atomic-file.js'
import { mapBounded } from './bounded.js'
import { errnoOf, fileError } from './file-error.js'

/** Files at once: a disk takes many together nearly as fast as one. */
const AT_ONCE = 16

/** Forces a file that is complete to the disk. @throws MachineError `store` */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } catch (error) {
    throw fileError('write', path, error)
  } finally {
    await file.close()
  }
}

/**
 * Forces a directory with all that is in it to the disk: what is renamed afterwards is whole, whenever the power goes.
 * @throws MachineError `store`
 */
export async function syncTree(dir: string): Promise<void> {
  try {
    const entries = await readdir(dir, { withFileTypes: true })
    await mapBounded(entries, AT_ONCE, async (entry) => {
      const path = join(dir, entry.name)
      if (entry.isDirectory()) await syncTree(path)
      else if (entry.isFile()) await syncFile(path)
    })
    await syncDirectory(dir)
  } catch (error) {
    throw isMachineError(error) ? error : fileError('write', dir, error)
  }
}

/**
 * Removes files and directories, in this order, where they are there: none comes back after a power cut, and none goes
 * before one that is named earlier.
 * @throws MachineError `store`
 */
export async function removeForGood(...paths: readonly string[]): Promise<void> {
  for (const path of paths)
    try {
      await rm(path, { recursive: true, force: true })
      await syncDirectory(dirname(path))
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw fileError('remove', path, error)
    }
}
