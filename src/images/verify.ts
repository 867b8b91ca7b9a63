import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { messageOf } from '../contracts/errors.js'
import type { ArtefactSource, Manifest } from '../contracts/image.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import { imageError } from './manifest.js'

/** Our note beside an artefact in the cache: files that had the right hash when they looked like this. */
export const MARKER = '.verified.json'

/** Content of the note. */
export interface Marker {
  readonly digest: string
  readonly source: ArtefactSource
  /** ISO 8601: when it came into the cache. */
  readonly since: string
  readonly files: Readonly<Record<string, string>>
}

/** What each file looked like before it was read, by name. */
export type Looks = Marker['files']

/**
 * Compares each file with its hash in the manifest.
 * @throws MachineError `image` naming the first file that is missing, is no plain file or differs
 */
export async function verifyFiles(dir: string, manifest: Manifest, signal?: AbortSignal): Promise<Looks> {
  const looks: Record<string, string> = {}
  for (const file of manifest.files) {
    const path = join(dir, file.name)
    looks[file.name] = await look(path).catch((error: unknown) => {
      throw imageError(`Cannot read ${path}: ${messageOf(error)}`, [], error)
    })
    const found = await hashFile(path, signal)
    if (found !== file.sha256)
      throw imageError(`${path} is damaged: its SHA-256 is ${found}, not ${file.sha256}`)
  }
  return looks
}

/**
 * Like `verifyFiles`, but trusts files that nobody can have touched since the last full check: a normal `create` need not
 * read 300 MB.
 */
export async function verifyQuickly(dir: string, manifest: Manifest, signal?: AbortSignal): Promise<void> {
  const marker = await readMarker(dir)
  if (marker?.digest === manifest.digest && (await looksAsNoted(dir, manifest, marker))) return
  const files = await verifyFiles(dir, manifest, signal)
  const { source, since } = marker ?? { source: 'import', since: new Date().toISOString() }
  await writeMarker(dir, { digest: manifest.digest, source, since, files })
}

/** Notes that the files were just checked. */
export async function writeMarker(dir: string, marker: Marker): Promise<void> {
  await writeFileAtomic(join(dir, MARKER), `${JSON.stringify(marker, undefined, 2)}\n`)
}

/** Undefined when there is none or it cannot be read: then everything is checked again. */
export async function readMarker(dir: string): Promise<Marker | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(dir, MARKER), 'utf8'))
    return isMarker(value) ? value : undefined
  } catch {
    return undefined
  }
}

async function looksAsNoted(dir: string, manifest: Manifest, marker: Marker): Promise<boolean> {
  for (const { name } of manifest.files) {
    const now = await look(join(dir, name)).catch(() => undefined)
    if (now === undefined || marker.files[name] !== now) return false
  }
  return true
}

/**
 * What a file looks like to the file system. Whoever writes to a file, or puts another in its place, may set its size and
 * its time back, but not the time of its last change (ctime).
 */
async function look(path: string): Promise<string> {
  const found = await lstat(path, { bigint: true })
  if (!found.isFile()) throw new Error('it is not a plain file')
  const { dev, ino, size, mtimeNs, ctimeNs } = found
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path), hash, signal ? { signal } : {})
  } catch (error) {
    signal?.throwIfAborted()
    throw imageError(`Cannot read ${path}: ${messageOf(error)}`, [], error)
  }
  return hash.digest('hex')
}

function isMarker(value: unknown): value is Marker {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Record<string, unknown>
  const texts = ['digest', 'source', 'since'].every((key) => typeof fields[key] === 'string')
  return texts && typeof fields['files'] === 'object' && fields['files'] !== null
}
