import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MachineError, messageOf } from '../contracts/errors.js'
import {
  ARTEFACT_KINDS,
  type Artefact,
  type Manifest,
  type ManifestFile,
  type ManifestPackage,
} from '../contracts/image.js'

/** Name of the file that makes a directory an artefact. */
export const MANIFEST = 'manifest.json'

/** Files that each kind has at least. */
const REQUIRED_FILES: Readonly<Record<Manifest['kind'], readonly string[]>> = {
  image: ['kernel', 'initramfs', 'engine.squashfs'],
  engine: ['bootstrap.tar.gz', 'engine.tar.zst'],
}

/** Bytes: an archive that is unpacked for the first time may hold anything. */
const LARGEST = 16 * 1024 * 1024
const SHA256 = /^[0-9a-f]{64}$/
/** One path component that cannot leave its directory, hide, or look like an option. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
/** Of Debian's: a package, one of its versions, an architecture, a release. They go into words and settings of apt. */
const PACKAGE = /^[a-z0-9][a-z0-9+.-]*$/
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.+:~-]*$/
const ARCH = /^[a-z0-9][a-z0-9-]*$/
const SUITE = /^[a-z][a-z0-9.-]*$/
/** Seconds that a date can say. */
const LATEST_S = 8.64e12

/** An `image` error; `hints` say what to do next. */
export function imageError(message: string, hints: readonly string[] = [], cause?: unknown): MachineError {
  return new MachineError('image', message, { hints, ...(cause === undefined ? {} : { cause }) })
}

/** Digest of an artefact: SHA-256 over its `sha256  name` lines, sorted by name (as in SHA256SUMS). */
export function digestOf(files: readonly ManifestFile[]): string {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1))
  const lines = sorted.map((file) => `${file.sha256}  ${file.name}\n`)
  return createHash('sha256').update(lines.join('')).digest('hex')
}

/**
 * Reads and checks an artefact's manifest; its files are not looked at.
 * @throws MachineError `image` naming the fault
 */
export async function readManifest(dir: string): Promise<Manifest> {
  const path = join(dir, MANIFEST)
  let text: string
  try {
    const { size } = await stat(path)
    if (size > LARGEST) throw new Error(`${size} bytes, which no manifest has`)
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw imageError(`Cannot read ${path}: ${messageOf(error)}`, [], error)
  }
  return parseManifest(text, path)
}

/** @throws MachineError `image` naming the fault and `where` */
export function parseManifest(text: string, where: string): Manifest {
  const fault = (what: string): MachineError => imageError(`${where} is not usable: ${what}`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw fault(messageOf(error))
  }
  if (!isObject(value)) throw fault('not a JSON object')
  if (value['schema'] !== 1)
    throw fault(
      `made for another version of tsmachine (schema ${JSON.stringify(value['schema'])?.slice(0, 40)})`,
    )
  const kind = ARTEFACT_KINDS.find((known) => known === value['kind'])
  if (!kind) throw fault('unknown kind')
  for (const key of ['arch', 'version', 'engineVersion', 'digest'] as const)
    if (typeof value[key] !== 'string' || !PLAIN_NAME.test(value[key]))
      throw fault(`"${key}" is missing or odd`)
  const files = value['files']
  if (!Array.isArray(files) || !files.every(isManifestFile))
    throw fault('its list of files is missing or odd')
  const { packages, inputs, sourceDateEpoch } = value
  if (!Array.isArray(packages) || !packages.every(isManifestPackage))
    throw fault('its list of packages is missing or odd')
  if (!isObject(inputs) || !isWord(inputs['suite'] ?? 'none', SUITE))
    throw fault('what it was made from is missing or odd')
  if (!Number.isSafeInteger(sourceDateEpoch) || Math.abs(Number(sourceDateEpoch)) > LATEST_S)
    throw fault('its date is missing or odd')
  const lost = REQUIRED_FILES[kind].find((name) => !files.some((file) => file.name === name))
  if (lost) throw fault(`it names no file ${lost}`)
  if (new Set(files.map((file) => file.name)).size !== files.length) throw fault('it names a file twice')
  if (digestOf(files) !== value['digest']) throw fault('its digest does not fit its list of files')
  return value as unknown as Manifest
}

/** The artefact in `dir`, by its manifest. */
export function artefactOf(dir: string, manifest: Manifest): Artefact {
  const files = Object.fromEntries(manifest.files.map(({ name }) => [name, join(dir, name)]))
  return {
    kind: manifest.kind,
    arch: manifest.arch,
    id: manifest.digest,
    version: manifest.version,
    dir,
    manifest,
    files,
  }
}

function isManifestFile(value: unknown): value is ManifestFile {
  if (!isObject(value)) return false
  const { name, size, sha256 } = value
  return (
    typeof name === 'string' &&
    PLAIN_NAME.test(name) &&
    name !== MANIFEST &&
    typeof sha256 === 'string' &&
    SHA256.test(sha256) &&
    Number.isSafeInteger(size) &&
    Number(size) >= 0
  )
}

function isManifestPackage(value: unknown): value is ManifestPackage {
  if (!isObject(value)) return false
  const { name, version, arch, sha256, sources = [] } = value
  const isPackage = isWord(name, PACKAGE) && isWord(version, VERSION) && isWord(arch, ARCH)
  return isPackage && isWord(sha256, SHA256) && Array.isArray(sources) && sources.every(isSource)
}

/** `name=version`, as apt is asked for it. */
function isSource(value: unknown): boolean {
  const [name, version, ...more] = typeof value === 'string' ? value.split('=') : []
  return isWord(name, PACKAGE) && isWord(version, VERSION) && more.length === 0
}

function isWord(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
