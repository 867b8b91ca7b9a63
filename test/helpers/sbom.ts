/** What the CycloneDX 1.6 schema asks of a bill of materials, and what we ask beyond: each part can be looked up. */
const ALGORITHMS: Readonly<Record<string, RegExp>> = {
  'SHA-256': /^[0-9a-f]{64}$/,
  'SHA-512': /^[0-9a-f]{128}$/,
}
const TYPES = ['application', 'library', 'operating-system', 'file']
/** Source: package-url specification, scheme:type/namespace/name@version?qualifiers. */
const PURL = /^pkg:(npm|deb)\/(?:[\w.%-]+\/)?[\w.%-]+@[\w.%~-]+(?:\?[a-z]+=[\w.%-]+(?:&[a-z]+=[\w.%-]+)*)?$/

export interface Component {
  readonly type: string
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly 'bom-ref': string
  readonly licenses?: readonly ({ license: { id: string } } | { expression: string })[]
  readonly hashes: readonly { readonly alg: string; readonly content: string }[]
}

export interface Sbom {
  readonly bomFormat: string
  readonly specVersion: string
  readonly version: number
  readonly metadata: { readonly component: Component & { readonly components?: readonly Component[] } }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

/** Everything that is wrong with a document; empty for a good one. */
export function sbomFaults(document: Sbom): readonly string[] {
  const { metadata, components, dependencies } = document
  const refs = [metadata.component, ...components].map((part) => part['bom-ref'])
  return [
    ...(document.bomFormat === 'CycloneDX' ? [] : ['bomFormat']),
    ...(document.specVersion === '1.6' ? [] : ['specVersion']),
    ...(Number.isInteger(document.version) && document.version >= 1 ? [] : ['version']),
    ...(new Set(refs).size === refs.length ? [] : ['a bom-ref twice']),
    ...dependencies.flatMap(({ ref, dependsOn }) =>
      [ref, ...dependsOn].filter((name) => !refs.includes(name)),
    ),
    ...(TYPES.includes(metadata.component.type) && metadata.component.name ? [] : ['metadata.component']),
    ...components.flatMap(componentFaults),
  ]
}

function componentFaults(part: Component): readonly string[] {
  const { name, type, version, purl, hashes, licenses = [] } = part
  const good = [
    TYPES.includes(type) && name !== '' && version !== '',
    PURL.test(purl),
    hashes.length > 0 && hashes.every(({ alg, content }) => ALGORITHMS[alg]?.test(content) === true),
    licenses.every((entry) => ('license' in entry ? entry.license.id : entry.expression) !== ''),
  ]
  return good.every(Boolean) ? [] : [`component ${JSON.stringify(part)}`]
}
