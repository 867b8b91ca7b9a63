import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArtefactKind } from '../../src/contracts/image.js'

const FILES: Readonly<Record<ArtefactKind, readonly string[]>> = {
  image: ['engine.squashfs', 'initramfs', 'kernel'],
  engine: ['bootstrap.tar.gz', 'engine.tar.zst'],
}

/** Writes a small artefact whose hashes are right into `dir`; `salt` makes its bytes differ. Returns its digest. */
export function writeArtefact(dir: string, kind: ArtefactKind = 'image', salt = '1'): string {
  mkdirSync(dir, { recursive: true })
  for (const name of FILES[kind]) writeFileSync(join(dir, name), `${name} ${salt}\n`.repeat(200))
  return describeArtefact(dir, kind)
}

/** Writes the manifest and checksums for the files that lie in `dir`. Returns the digest. */
export function describeArtefact(dir: string, kind: ArtefactKind, version?: string): string {
  const files = FILES[kind].map((name) => {
    const bytes = readFileSync(join(dir, name))
    return { name, size: bytes.length, sha256: sha256(bytes) }
  })
  const sums = files.map((file) => `${file.sha256}  ${file.name}\n`).join('')
  const digest = sha256(sums)
  const manifest = {
    schema: 1,
    kind,
    arch: 'amd64',
    version: version ?? `26.1.5-${digest.slice(0, 8)}`,
    engineVersion: '26.1.5',
    digest,
    packages: [],
    files,
    inputs: { suite: 'trixie', release: false },
    sourceDateEpoch: 1_790_000_000,
  }
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`
  writeFileSync(join(dir, 'manifest.json'), text)
  writeFileSync(join(dir, 'SHA256SUMS'), `${sums}${sha256(text)}  manifest.json\n`)
  return digest
}

function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex')
}
