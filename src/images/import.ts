import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMachineError, messageOf } from '../contracts/errors.js'
import { openDecompressed } from './decompress.js'
import { imageError, MANIFEST } from './manifest.js'
import { extractTar } from './tar.js'

/** More than any artefact will ever hold. */
export const MAX_BYTES = 4 * 1024 ** 3
/** `package/artefact/manifest.json` in an npm package is the deepest that there is. */
const MAX_DEPTH = 3

/**
 * Unpacks an archive (tar, tar.gz, tgz, tar.zst) into the empty directory `into`.
 * @throws MachineError `image` when it is no such archive or tries to leave the directory
 */
export async function unpackArchive(path: string, into: string, signal?: AbortSignal): Promise<void> {
  try {
    const stream = await openDecompressed(path, signal)
    try {
      await extractTar(stream, into, { maxBytes: MAX_BYTES, ...(signal ? { signal } : {}) })
    } finally {
      stream.destroy()
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (isMachineError(error) && error.code !== 'image') throw error
    throw imageError(
      `Cannot unpack ${path}: ${messageOf(error)}`,
      isMachineError(error) ? error.hints : [],
      error,
    )
  }
}

/**
 * The directory at or below `dir` that holds a manifest; the one nearest to the top.
 * @throws MachineError `image` when there is none
 */
export async function findArtefactDir(dir: string): Promise<string> {
  const level = [dir]
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    for (const candidate of level) if (await isFile(join(candidate, MANIFEST))) return candidate
    level.splice(0, level.length, ...(await Promise.all(level.map(subdirectories))).flat())
  }
  throw imageError(`There is no ${MANIFEST} in it: not a boot image or engine bundle of tsmachine`)
}

async function isFile(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

async function subdirectories(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map((entry) => join(dir, entry.name))
    .sort()
}
