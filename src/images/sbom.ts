/** The bill of materials of a boot image or engine bundle, as CycloneDX 1.6: every Debian package that went into it. */
import type { JsonObject } from '../contracts/json.js'
import type { Manifest, ManifestPackage } from '../contracts/image.js'

const NAMES: Readonly<Record<Manifest['kind'], string>> = {
  image: 'tsmachine-image',
  engine: 'tsmachine-engine',
}

/** Pure: the same manifest gives the same document. */
export function artefactSbom(manifest: Manifest): JsonObject {
  const { kind, arch, version, digest, files, sourceDateEpoch } = manifest
  const suite = typeof manifest.inputs['suite'] === 'string' ? manifest.inputs['suite'] : ''
  const self = `${NAMES[kind]}-${arch}@${version}`
  const packages = manifest.packages.map((entry) => debianPackage(entry, suite))
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(sourceDateEpoch * 1_000).toISOString(),
      component: {
        type: 'operating-system',
        'bom-ref': self,
        name: `${NAMES[kind]}-${arch}`,
        version,
        properties: [{ name: 'tsmachine:digest', value: digest }],
        components: files.map(({ name, sha256 }) => ({ type: 'file', name, hashes: [hash(sha256)] })),
      },
    },
    components: packages,
    dependencies: [{ ref: self, dependsOn: packages.map((entry) => entry['bom-ref']) }],
  }
}

/** Source: package-url specification, type deb. The hash is that of the `.deb` file. */
function debianPackage({ name, version, arch, sha256 }: ManifestPackage, suite: string) {
  const distro = suite === '' ? '' : `&distro=${encodeURIComponent(suite)}`
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${arch}${distro}`
  return { type: 'library', 'bom-ref': purl, name, version, purl, hashes: [hash(sha256)] }
}

function hash(sha256: string) {
  return { alg: 'SHA-256', content: sha256 }
}
