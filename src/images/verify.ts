import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
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
  readonly files: Readonly<Record<string, { readonly size: number; readonly mtimeMs: number }>>
}

/**
 * Compares each file with its hash in the manifest.
 * @throws MachineError `image` naming the first file that is missing or differs
 */
export async function verifyFiles(dir: string, manifest: Manifest, signal?: AbortSignal): Promise<void> {
  for (const file of manifest.files) {
    const path = join(dir, file.name)
    const found = await hashFile(path, signal)
    if (found === file.sha256) continue
    throw imageError(`${path} is damaged: its SHA-256 is ${found}, not ${file.sha256}`)
  }
}

/**
 * Like `verifyFiles`, but trusts files whose size and time are those of the last full check: a normal `create`
 * need not read 200 MB.
 */
export async function verifyQuickly(dir: string, manifest: Manifest, signal?: AbortSignal): Promise<void> {
  const marker = await readMarker(dir)
  if (marker?.digest === manifest.digest && (await looksAsNoted(dir, manifest, marker))) return
  await verifyFiles(dir, manifest, signal)
  await writeMarker(dir, manifest, marker ?? { source: 'import', since: new Date().toISOString() })
}

/** Notes that the files were just checked. */
export async function writeMarker(
  dir: string,
  manifest: Manifest,
  { source, since }: Pick<Marker, 'source' | 'since'>,
): Promise<void> {
  const files: Record<string, { size: number; mtimeMs: number }> = {}
  for (const { name } of manifest.files) files[name] = await look(join(dir, name))
  const marker: Marker = { digest: manifest.digest, source, since, files }
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
  for (const { name, size } of manifest.files) {
    const noted = marker.files[name]
    const now = await look(join(dir, name)).catch(() => undefined)
    if (!noted || now?.size !== size || now.size !== noted.size || now.mtimeMs !== noted.mtimeMs) return false
  }
  return true
}

async function look(path: string): Promise<{ size: number; mtimeMs: number }> {
  const { size, mtimeMs } = await stat(path)
  return { size, mtimeMs }
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
