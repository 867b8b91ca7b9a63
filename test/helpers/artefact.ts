import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArtefactKind } from '../../src/contracts/image.js'

const FILES: Readonly<Record<ArtefactKind, readonly string[]>> = {
  image: ['engine.squashfs', 'initramfs', 'kernel'],
  engine: ['bootstrap.tar.gz', 'engine.tar.zst'],
}

/** Writes a small artefact whose hashes are right into `dir`; `salt` makes its bytes differ. Returns its digest. */
export function writeArtefact(dir: string, kind: ArtefactKind = 'image', salt = '1'): string {
  mkdirSync(dir, { recursive: true })
  const files = FILES[kind].map((name) => {
    const text = `${name} ${salt}\n`.repeat(200)
    writeFileSync(join(dir, name), text)
    return { name, size: text.length, sha256: sha256(text) }
  })
  const sums = files.map((file) => `${file.sha256}  ${file.name}\n`).join('')
  const digest = sha256(sums)
  const manifest = {
    schema: 1,
    kind,
    arch: 'amd64',
    version: `26.1.5-${digest.slice(0, 8)}`,
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

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
