import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { BundleTree } from './engine-bundle-tree.js'
import { run } from './exec.js'
import { throughLoader } from './tools.js'

/** `treeDir` is named after the version, and so are the archives' top directories: they unpack below the bundle root. */
export interface PackOptions {
  rootDir: string
  treeDir: string
  outDir: string
  tree: BundleTree
  /** Time stamp of every file, in seconds. */
  epoch: number
  release: boolean
  signal?: AbortSignal
}

/** Names of the two parts, in the order in which a host unpacks them. */
export const BUNDLE_FILES = ['bootstrap.tar.gz', 'engine.tar.zst'] as const

/** The default spends no time on size. Both use a window of at most 8 MiB: small hosts have to unpack it. */
const DEFAULT_LEVEL = '-3'
const RELEASE_LEVEL = '-19'
/** Bytes of both parts together that a release may have. */
const RELEASE_BUDGET = 66_000_000

/** Writes both archives. Only packs: every byte is decided before. */
export async function packBundle(options: PackOptions): Promise<void> {
  await mkdir(options.outDir, { recursive: true })
  const [first, second] = BUNDLE_FILES.map((name) => path.join(options.outDir, name)) as [string, string]
  const work = path.join(options.outDir, '.part.tar')
  try {
    await tar(options, options.tree.bootstrap, work)
    await writeFile(first, await promisify(gzip)(await readFile(work), { level: 9 }))
    await tar(options, options.tree.rest, work)
    await compress(options, work, second)
    if (options.release) await refuseTooLarge([first, second])
  } finally {
    await rm(work, { force: true })
  }
}

async function refuseTooLarge(files: readonly string[]): Promise<void> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total <= RELEASE_BUDGET) return
  throw new Error(
    `the engine bundle has ${String(total)} bytes; a release may have ${String(RELEASE_BUDGET)} at most`,
  )
}

async function tar(options: PackOptions, files: readonly string[], to: string): Promise<void> {
  const top = path.basename(options.treeDir)
  const names = withParents(files.map((file) => `${top}/${file}`))
  const argv = [
    'tar',
    '--create',
    '--format=ustar',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    `--mtime=@${String(options.epoch)}`,
    '--mode=u=rwX,go=rX',
    '--no-recursion',
    `--file=${to}`,
    '--directory',
    path.dirname(options.treeDir),
    '--files-from=-',
  ]
  await run(argv, { input: `${names.join('\n')}\n`, ...signalOf(options) })
}

/** The files and every directory above them, parents first: unpacking must not depend on the host's umask. */
export function withParents(files: readonly string[]): string[] {
  const all = new Set<string>()
  for (const file of files) {
    const parts = file.split('/')
    for (let depth = 1; depth <= parts.length; depth++) all.add(parts.slice(0, depth).join('/'))
  }
  return [...all].sort()
}

/** Uses the zstd of the packages, not the build host's: another version would write other bytes. */
async function compress(options: PackOptions, from: string, to: string): Promise<void> {
  const zstd = throughLoader(options.rootDir, path.join(options.rootDir, 'usr/bin/zstd'))
  // With any -T the blocks are cut alike, so the number of threads does not show in the result.
  const level = options.release ? RELEASE_LEVEL : DEFAULT_LEVEL
  await run([...zstd, '-q', '-f', '-T2', level, from, '-o', to], signalOf(options))
}

function signalOf(options: PackOptions): { signal?: AbortSignal } {
  return options.signal ? { signal: options.signal } : {}
}
