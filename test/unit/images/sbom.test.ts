import t from 'tap'
import type { Manifest } from '../../../src/contracts/image.js'
import { artefactSbom } from '../../../src/images/sbom.js'
import { type Sbom, sbomFaults } from '../../helpers/sbom.js'

const sha256 = 'ab'.repeat(32)
const manifest: Manifest = {
  ...{ schema: 1, kind: 'image', arch: 'amd64', version: '26.1.5-aa1f41a9', engineVersion: '26.1.5' },
  digest: 'cd'.repeat(32),
  packages: [
    { name: 'busybox-static', version: '1:1.37.0-6+b9', sha256, arch: 'amd64' },
    { name: 'libstdc++6', version: '14.2.0-19', sha256, arch: 'amd64' },
    { name: 'runc', version: '1.1.15+ds1~2', sha256, arch: 'amd64' },
  ],
  files: [{ name: 'kernel', size: 1, sha256 }],
  inputs: { suite: 'trixie', release: false },
  sourceDateEpoch: 1_788_259_618,
}

t.test('every Debian package is a component with a package URL and the hash of its file', (t) => {
  const document = artefactSbom(manifest) as unknown as Sbom
  t.strictSame(sbomFaults(document), [])
  t.strictSame(
    document.components.map(({ purl }) => purl),
    [
      'pkg:deb/debian/busybox-static@1%3A1.37.0-6%2Bb9?arch=amd64&distro=trixie',
      'pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64&distro=trixie',
      'pkg:deb/debian/runc@1.1.15%2Bds1~2?arch=amd64&distro=trixie',
    ],
  )
  t.match(document.metadata.component, {
    type: 'operating-system',
    name: 'tsmachine-image-amd64',
    version: '26.1.5-aa1f41a9',
    properties: [{ name: 'tsmachine:digest', value: manifest.digest }],
    components: [{ type: 'file', name: 'kernel', hashes: [{ alg: 'SHA-256', content: sha256 }] }],
  })
  t.end()
})

t.test('the same manifest gives the same document, another one another', (t) => {
  const text = (of: Manifest): string => JSON.stringify(artefactSbom(of))
  t.equal(text(manifest), text(structuredClone(manifest)))
  t.match(text(manifest), '"timestamp":"2026-09-01T')
  t.not(text(manifest), text({ ...manifest, packages: manifest.packages.slice(1) }))
  t.end()
})

t.test('what a schema would refuse is found', (t) => {
  const good = artefactSbom(manifest) as unknown as Sbom
  const [first] = good.components
  if (!first) throw new Error('no component')
  for (const bad of [
    { ...good, specVersion: '1.2' },
    { ...good, components: [first, first] },
    { ...good, components: [{ ...first, purl: 'busybox' }] },
    { ...good, components: [{ ...first, hashes: [] }] },
    { ...good, dependencies: [{ ref: 'other', dependsOn: [] }] },
  ])
    t.ok(sbomFaults(bad).length > 0)
  t.end()
})
