/** What killed programs leave in a store. None of it stops anybody, so it is looked for where leftovers are: in `gc`. */
import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import { readTree, removeAbandoned, sweepFile, unlessLocked } from '../util/abandoned.js'
import { StoreLayout } from './layout.js'

/** A machine's directory, or that of an imported CA, on its way in or out (`directories.ts`). */
const COMING = /^\.(.+)\.new-[0-9a-f]{12}$/
const GOING = /^\..+\.gone-[0-9a-f]{12}$/

/**
 * Removes it: locks of processes that have ended, half a machine's directory, files that were being written an hour ago or
 * more. What a living program holds or writes stays, and so does what another computer does.
 * @returns paths of what was removed
 */
export async function sweepStore(root: string, clock: Clock): Promise<readonly string[]> {
  const layout = new StoreLayout(root)
  const swept: string[] = []
  for (const entry of readTree(root)) {
    const path = join(entry.parentPath, entry.name)
    const isSwept = entry.isDirectory()
      ? await sweepDirectory(layout, entry)
      : entry.isFile() && (await sweepFile(path, clock))
    if (isSwept) swept.push(path)
  }
  return swept
}

/** Whoever makes a machine's directory holds its write lock meanwhile, or the CA's for certificates; one on its way out is nobody's. */
async function sweepDirectory(layout: StoreLayout, { name, parentPath }: Dirent): Promise<boolean> {
  if (![layout.root, layout.machinesDir, layout.removedDir].includes(parentPath)) return false
  const remove = (): Promise<void> => removeAbandoned(join(parentPath, name))
  const coming = COMING.exec(name)?.[1]
  const lock = parentPath === layout.root ? layout.caLock : layout.writeLock(coming ?? '')
  if (coming !== undefined) return await unlessLocked(lock, remove)
  if (!GOING.test(name)) return false
  await remove()
  return true
}
