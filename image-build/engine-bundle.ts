import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { fetchPackages, sourceDateEpoch, unpack, type Apt, type Deb } from './apt.js'
import { checkBundle } from './engine-bundle-check.js'
import { BUNDLE_FILES, packBundle } from './engine-bundle-pack.js'
import { bundlePrefix, bundleVersion, layOutBundle } from './engine-bundle-tree.js'
import { parseModuleList } from './lists.js'
import { assetsDir } from './paths.js'

/** `out`: directory that gets the bundle's files (made when missing). */
export interface EngineBundleOptions {
  apt: Apt
  out: string
  release?: boolean
  signal?: AbortSignal
  /** Folder with `packages/`, ours by default. */
  assets?: string
  report: (line: string) => void
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
  const { apt, out, release = false } = options
  const report = (line: string): void => options.report(line)
  const signal = options.signal ? { signal: options.signal } : {}
  const debs = await fetchPackages(apt, await packageNames(options.assets ?? assetsDir()), {
    report,
  })
  const engineVersion = upstreamVersion(debs, 'docker.io')
  const version = bundleVersion(engineVersion, debs, release)
  await mkdir(out, { recursive: true })
  const work = await mkdtemp(path.join(out, '.bundle-'))
  try {
    const [rootDir, treeDir] = [path.join(work, 'root'), path.join(work, version)]
    report(`unpacking the ${String(debs.length)} packages of the engine bundle`)
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

async function packageNames(assets: string): Promise<string[]> {
  return parseModuleList(await readFile(path.join(assets, 'packages/engine-bundle.list'), 'utf8'))
}
