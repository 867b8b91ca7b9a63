import { constants } from 'node:fs'
import { chmod, copyFile, lstat, readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../contracts/errors.js'
import { imageError } from './manifest.js'

/** A builder's umask may have let others write. What is neither file nor directory is told by who reads it. */
export async function makePrivate(dir: string): Promise<void> {
  await chmod(dir, 0o700)
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.isFile()) await chmod(join(dir, entry.name), 0o600)
  }
}

/** Shares the blocks where the file system can. Links and devices are refused: they may lead anywhere. */
export async function copyPlainFile(from: string, to: string): Promise<void> {
  const found = await lstat(from).catch((error: unknown) => {
    throw imageError(`Cannot read ${from}: ${messageOf(error)}`, [], error)
  })
  if (!found.isFile()) throw imageError(`${from} is not a plain file`)
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  await utimes(to, found.atime, found.mtime)
}
