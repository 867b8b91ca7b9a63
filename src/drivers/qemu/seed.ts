import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { SeedDocuments } from '../../contracts/driver.js'
import { makePrivateDir, writeFileAtomic } from '../../util/atomic-file.js'
import { errnoOf } from '../../util/file-error.js'

/** Writes the folder that the guest sees as its `cidata` volume (NoCloud). */
export async function writeSeed(dir: string, seed: SeedDocuments): Promise<void> {
  await makePrivateDir(dir)
  await writeFileAtomic(join(dir, 'meta-data'), seed.metaData)
  await writeFileAtomic(join(dir, 'user-data'), seed.userData)
}

/**
 * Replaces user data without its secrets, also under a running QEMU. That one shows the folder as it was at its start:
 * sizes are fixed, and it may hold the old file open. So the old file's bytes are overwritten too, and the new text is
 * padded with line ends to the old length.
 */
export async function sealSeed(dir: string, seed: SeedDocuments): Promise<void> {
  const path = join(dir, 'user-data')
  const old = await openIfThere(path)
  if (!old) return await writeSeed(dir, seed)
  try {
    const { size } = await old.stat()
    const data = padded(seed.userData, size)
    await writeFileAtomic(path, data)
    await old.write(data, 0, 'utf8')
    await old.truncate(Buffer.byteLength(data))
    await old.sync()
  } finally {
    await old.close()
  }
}

function padded(text: string, size: number): string {
  return text + '\n'.repeat(Math.max(0, size - Buffer.byteLength(text)))
}

async function openIfThere(path: string): Promise<Awaited<ReturnType<typeof open>> | undefined> {
  try {
    return await open(path, 'r+')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
