import { createHash } from 'node:crypto'
import { stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { hashFile, type Deb } from './apt.js'

export interface ManifestPackage {
  name: string
  version: string
  sha256: string
  arch: string
  /** Source packages as `name=version`; what `image sources` fetches. */
  sources?: readonly string[]
}

export interface ManifestFile {
  name: string
  /** Bytes. */
  size: number
  sha256: string
}

/** `manifest.json`: what an artefact is, and all that went into it. `digest` names it. */
export interface Manifest {
  schema: 1
  kind: 'image' | 'engine'
  arch: string
  version: string
  engineVersion: string
  digest: string
  packages: ManifestPackage[]
  files: ManifestFile[]
  inputs: Record<string, string | boolean>
  sourceDateEpoch: number
}

export interface ManifestInput {
  kind: Manifest['kind']
  arch: string
  version: string
  engineVersion: string
  debs: readonly Deb[]
  /** Names in the artefact's directory. */
  files: readonly string[]
  inputs: Record<string, string | boolean>
  sourceDateEpoch: number
}

/** Hashes the files in `dir`, and writes `manifest.json` and `SHA256SUMS` beside them. */
export async function writeManifest(dir: string, input: ManifestInput): Promise<Manifest> {
  const { debs, files: names, ...rest } = input
  const files = await Promise.all([...names].sort().map((name) => describe(dir, name)))
  const packages = debs.map(({ name, version, sha256, arch, sources }) => ({
    name,
    version,
    sha256,
    arch,
    sources: [...(sources ?? [])],
  }))
  const manifest: Manifest = { schema: 1, ...rest, digest: digestOf(files), packages, files }
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  await writeFile(path.join(dir, 'manifest.json'), text)
  const own = createHash('sha256').update(text).digest('hex')
  await writeFile(path.join(dir, 'SHA256SUMS'), `${sumLines(files)}${own}  manifest.json\n`)
  return manifest
}

async function describe(dir: string, name: string): Promise<ManifestFile> {
  const file = path.join(dir, name)
  return { name, size: (await stat(file)).size, sha256: await hashFile(file) }
}

/** SHA-256 over the artefact's lines of SHA256SUMS, which are sorted by name. */
export function digestOf(files: readonly ManifestFile[]): string {
  return createHash('sha256').update(sumLines(files)).digest('hex')
}

function sumLines(files: readonly ManifestFile[]): string {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1))
  return sorted.map((file) => `${file.sha256}  ${file.name}\n`).join('')
}
