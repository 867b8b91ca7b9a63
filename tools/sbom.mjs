// The bill of materials of the npm package (CycloneDX 1.6): the packages that esbuild says it read, as the lock file has them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundledPackages } from './licences.mjs'

/** The same bundles and lock file give the same text: it has no date and no random number. */
export function sbom(root, metafiles) {
  const own = readJson(join(root, 'package.json'))
  const lock = readJson(join(root, 'package-lock.json')).packages
  const parts = bundledPackages(metafiles).map((folder) => component(root, folder, lock[folder]))
  const components = [...new Map(parts.map((part) => [part['bom-ref'], part])).values()]
  const self = { ...named(own), type: 'application', licenses: licences(own.license) }
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: self },
    components,
    dependencies: [{ ref: self['bom-ref'], dependsOn: components.map((part) => part['bom-ref']) }],
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

function component(root, folder, locked) {
  const { name, version, license } = readJson(join(root, folder, 'package.json'))
  if (locked?.version !== version) throw new Error(`${folder} is not what package-lock.json says`)
  return {
    ...named({ name, version }),
    type: 'library',
    licenses: licences(license),
    hashes: [hash(locked.integrity)],
  }
}

/** Source: package-url specification, type npm: the @ of a scope is encoded, its slash is not. */
function named({ name, version }) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`
  return { 'bom-ref': purl, name, version, purl }
}

function licences(license) {
  if (!license) return []
  return /^[\w.+-]+$/.test(license) ? [{ license: { id: license } }] : [{ expression: license }]
}

/** What npm compares a download with. */
function hash(integrity) {
  const [, content] = /^sha512-(\S+)$/.exec(integrity) ?? []
  return { alg: 'SHA-512', content: Buffer.from(content, 'base64').toString('hex') }
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}
