import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Apt } from './apt-state.js'
import { run } from './exec.js'

export { openApt, type Apt, type AptOptions } from './apt-state.js'

/** One downloaded binary package. `path` is in the cache and named after `sha256`. */
export interface Deb {
  name: string
  version: string
  arch: string
  sha256: string
  path: string
  /** Source packages as `name=version`: its own, and those that were linked into it (a signed kernel's, a Go program's). */
  sources?: readonly string[]
}

export interface FetchOptions {
  /** Also fetches the library packages (section `libs`) that the named ones depend on, directly or not. */
  libraries?: boolean
  report?: (line: string) => void
}

interface PackageRecord {
  name: string
  version: string
  arch: string
  sha256: string
  section: string
  sources: string[]
}

/**
 * Downloads the newest versions of `names` (exactly these, plus libraries when asked) into the cache.
 * apt checks the archive's signature and each hash. Sorted by name. Throws naming a package that the archive does not have.
 */
export async function fetchPackages(
  apt: Apt,
  names: readonly string[],
  options: FetchOptions = {},
): Promise<Deb[]> {
  const wanted = options.libraries ? await withLibraries(apt, names) : [...names]
  const records = await showPackages(apt, wanted)
  const debs = records.map((record) => ({
    name: record.name,
    version: record.version,
    arch: record.arch,
    sha256: record.sha256,
    sources: record.sources,
    path: path.join(apt.cacheDir, 'debs', `${record.sha256}.deb`),
  }))
  const missing: Deb[] = []
  for (const deb of debs) if (!(await isSound(deb))) missing.push(deb)
  if (missing.length > 0) {
    options.report?.(`downloading ${String(missing.length)} packages`)
    await download(apt, missing)
  }
  return debs.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The packages that `name` depends on directly; how a metapackage (`linux-image-amd64`) names the real one. */
export async function dependsOf(apt: Apt, name: string): Promise<string[]> {
  const text = await apt.run(['apt-cache', 'depends', '--important', name])
  return [...text.matchAll(/^ {2}(?:Pre)?Depends: (\S+)$/gm)].map((match) => match[1] ?? '')
}

async function withLibraries(apt: Apt, names: readonly string[]): Promise<string[]> {
  const libraries = (await showPackages(apt, await withDependencies(apt, names))).filter(
    (record) => record.section === 'libs',
  )
  return [...new Set([...names, ...libraries.map((record) => record.name)])]
}

/** `names` and all that they need to be installed, as on a computer that has nothing. */
export async function withDependencies(apt: Apt, names: readonly string[]): Promise<string[]> {
  const text = await apt.run([
    'apt-get',
    'install',
    '-y',
    '--print-uris',
    '--no-install-recommends',
    '-q',
    ...names,
  ])
  return [...text.matchAll(/^'[^']+' (\S+?)_\S+\.deb /gm)].map((match) => match[1] ?? '')
}

async function showPackages(apt: Apt, names: readonly string[]): Promise<PackageRecord[]> {
  const text = await apt.run(['apt-cache', 'show', '--no-all-versions', ...names])
  const records = parseRecords(text)
  const lost = names.find((name) => !records.some((record) => record.name === name))
  if (lost) throw new Error(`the archive has no package ${lost}`)
  return records
}

/** Reads the paragraphs that `apt-cache show` prints. */
export function parseRecords(text: string): PackageRecord[] {
  return text
    .split(/\n\n+/)
    .filter((paragraph) => paragraph.startsWith('Package:'))
    .map((paragraph) => ({
      name: field(paragraph, 'Package'),
      version: field(paragraph, 'Version'),
      arch: field(paragraph, 'Architecture'),
      sha256: field(paragraph, 'SHA256'),
      section: field(paragraph, 'Section'),
      sources: sourcesOf(paragraph),
    }))
}

/** `Source` holds a name when it differs, and a version when the package was rebuilt from an unchanged source (`+b1`). */
function sourcesOf(paragraph: string): string[] {
  const [name = '', version] = field(paragraph, 'Source').split(/[ ()]+/)
  const own = `${name || field(paragraph, 'Package')}=${version ?? field(paragraph, 'Version')}`
  const linked = ['Built-Using', 'Static-Built-Using'].flatMap((key) => [
    ...field(paragraph, key).matchAll(/(\S+) \(= (\S+)\)/g),
  ])
  return [own, ...linked.map((match) => `${match[1] ?? ''}=${match[2] ?? ''}`)]
}

function field(paragraph: string, name: string): string {
  return new RegExp(`^${name}: *(.*)$`, 'm').exec(paragraph)?.[1]?.trim() ?? ''
}

/** A file in the cache is what its name says only until somebody or the disk changes it. */
async function isSound({ path: file, sha256 }: Deb): Promise<boolean> {
  if (!existsSync(file)) return false
  if ((await hashFile(file)) === sha256) return true
  await rm(file)
  return false
}

async function download(apt: Apt, debs: readonly Deb[]): Promise<void> {
  const target = path.join(apt.cacheDir, 'debs')
  await mkdir(target, { recursive: true, mode: 0o700 })
  const dir = await mkdtemp(path.join(target, '.new-'))
  try {
    await apt.run(['apt-get', 'download', '-q', ...debs.map((deb) => `${deb.name}=${deb.version}`)], dir)
    for (const name of await readdir(dir)) {
      const file = path.join(dir, name)
      await rename(file, path.join(target, `${await hashFile(file)}.deb`))
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
  const lost = debs.find((deb) => !existsSync(deb.path))
  if (lost)
    throw new Error(`the archive sent another file for ${lost.name} ${lost.version} than its index names`)
}

/** SHA-256 of a file as hex, read as a stream. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

/** Unpacks packages into `rootDir`, in the given order. No maintainer script runs. */
export async function unpack(debs: readonly Deb[], rootDir: string, signal?: AbortSignal): Promise<void> {
  await mkdir(rootDir, { recursive: true })
  for (const deb of debs) await run(['dpkg-deb', '-x', deb.path, rootDir], { ...(signal ? { signal } : {}) })
}

/**
 * The newest build time among packages, in seconds: the time stamp of everything that we pack.
 * Read from the archive header that Debian's own reproducible builds set, so equal packages give equal bytes.
 */
export async function sourceDateEpoch(debs: readonly Deb[]): Promise<number> {
  const times = await Promise.all(debs.map((deb) => memberTime(deb.path)))
  return Math.max(0, ...times)
}

/** A .deb is an `ar` archive: 8 bytes of magic, then a member header whose bytes 16-27 are its time in decimal. */
async function memberTime(file: string): Promise<number> {
  const handle = await open(file, 'r')
  try {
    const { buffer } = await handle.read(Buffer.alloc(36), 0, 36, 0)
    return Number.parseInt(buffer.toString('latin1', 24, 36).trim(), 10) || 0
  } finally {
    await handle.close()
  }
}
