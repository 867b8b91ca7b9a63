import { readFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchPackages, sourceDateEpoch, unpack, type Apt, type Deb } from './apt.js'
import { checkBundle } from './engine-bundle-check.js'
import { BUNDLE_FILES, packBundle } from './engine-bundle-pack.js'
import { bundlePrefix, bundleVersion, layOutBundle } from './engine-bundle-tree.js'

/** `out`: directory that gets the bundle's files (made when missing). */
export interface EngineBundleOptions {
  apt: Apt
  out: string
  release?: boolean
  signal?: AbortSignal
  report(line: string): void
}

/** What the manifest says about a bundle besides its files' hashes. */
export interface EngineBundle {
  /** Name of the directory that it unpacks to below /opt/tsmachine. */
  version: string
  engineVersion: string
  debs: Deb[]
  files: readonly string[]
  /** Time stamp of all files, in seconds. */
  sourceDateEpoch: number
}

/** Builds the relocatable engine from Debian packages. Throws when something is missing or does not run relocated. */
export async function buildEngineBundle(options: EngineBundleOptions): Promise<EngineBundle> {
  const { apt, out, release = false, report } = options
  const signal = options.signal ? { signal: options.signal } : {}
  const debs = await fetchPackages(apt, await packageNames(), { report })
  const engineVersion = upstreamVersion(debs, 'docker.io')
  const version = bundleVersion(engineVersion, debs, release)
  await mkdir(out, { recursive: true })
  const work = await mkdtemp(path.join(out, '.bundle-'))
  try {
    const [rootDir, treeDir] = [path.join(work, 'root'), path.join(work, version)]
    report(`unpacking ${String(debs.length)} packages`)
    await unpack(debs, rootDir, options.signal)
    const tree = await layOutBundle({ rootDir, treeDir, version, debs })
    report('running each program of the engine bundle once')
    await checkBundle({ treeDir, prefix: bundlePrefix(version), report, ...signal })
    const epoch = await sourceDateEpoch(debs)
    report(
      release
        ? 'compressing the engine bundle for release (about a minute)'
        : 'compressing the engine bundle',
    )
    await packBundle({ rootDir, treeDir, outDir: out, tree, epoch, release, ...signal })
    return { version, engineVersion, debs, files: BUNDLE_FILES, sourceDateEpoch: epoch }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** `26.1.5` of `1:26.1.5+dfsg1-9+deb13u1`. */
export function upstreamVersion(debs: readonly Deb[], name: string): string {
  const version = debs.find((deb) => deb.name === name)?.version ?? ''
  const found = /^(?:\d+:)?(\d+(?:\.\d+)*)/.exec(version)?.[1]
  if (!found) throw new Error(`the version of ${name} (${version || 'not fetched'}) is not understood`)
  return found
}

async function packageNames(): Promise<string[]> {
  const text = await readFile(path.join(assetsRoot(), 'image-build/packages/engine-bundle.list'), 'utf8')
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
}

/** The repository or package root: lists are not compiled, so they are not beside this file when it runs from dist/. */
function assetsRoot(): string {
  const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
  return path.basename(here) === 'dist' ? path.dirname(here) : here
}
