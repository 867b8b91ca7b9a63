/** The places besides the cache where an artefact may come from. Each gives the artefact or, in a few words, why not. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isMachineError, messageOf } from '../contracts/errors.js'
import type { Artefact, ArtefactBuilder, ArtefactKind, ArtefactOptions } from '../contracts/image.js'
import type { ArtefactCache } from './cache.js'
import { imageError, readManifest } from './manifest.js'
import { openSource } from './open-source.js'
import { findInPackages, packageName, readPin } from './optional-package.js'

/** What is looked for. */
export interface Wish extends ArtefactOptions {
  readonly kind: ArtefactKind
  readonly arch: string
}

/** What the sources work with. */
export interface SourceContext {
  readonly cache: ArtefactCache
  readonly cacheDir: string
  readonly packageRoot: string
  readonly imageUrl?: string | undefined
  readonly builder?: ArtefactBuilder | undefined
}

export type Outcome = Artefact | string
type Source = (context: SourceContext, wish: Wish) => Promise<Outcome>

export const WORDS: Readonly<Record<ArtefactKind, string>> = { image: 'boot image', engine: 'engine bundle' }

/** In the order in which they are tried. */
export const SOURCES: readonly Source[] = [forgiving(fromPackage), forgiving(fromUrl), fromBuild]

async function fromPackage({ cache, packageRoot }: SourceContext, wish: Wish): Promise<Outcome> {
  const name = packageName(wish.kind, wish.arch)
  const dir = findInPackages(wish.kind, wish.arch, packageRoot)
  if (dir === undefined) return `the npm package ${name} is not installed beside tsmachine`
  wish.report({ type: 'info', text: `Taking the ${WORDS[wish.kind]} from the npm package ${name}` })
  return await cache.adopt(dir, 'package', wish.signal)
}

async function fromUrl(context: SourceContext, wish: Wish): Promise<Outcome> {
  if (!context.imageUrl) return 'TSMACHINE_IMAGE_URL is not set'
  const pin = readPin(wish.kind, wish.arch, context.packageRoot)
  if (!pin)
    return `TSMACHINE_IMAGE_URL is set, but this tsmachine has no hash to check a ${WORDS[wish.kind]} against`
  const url = `${context.imageUrl.replace(/\/+$/, '')}/${pin.file}`
  const { cache, cacheDir } = context
  wish.report({ type: 'info', text: `Downloading the ${WORDS[wish.kind]}` })
  return await withStaged(cache, async (staged) => {
    const dir = await openSource(url, { ...wish, cacheDir, staged, pinned: true })
    const { digest } = await readManifest(dir)
    if (digest !== pin.digest)
      return `${url} holds artefact ${digest}, but this tsmachine expects ${pin.digest}`
    return await cache.adopt(dir, 'url', wish.signal)
  })
}

/** The last resort; its failure is the answer to the user's question, so it is thrown. */
export async function fromBuild({ cache, builder }: SourceContext, wish: Wish): Promise<Outcome> {
  const reason = builder ? await builder.unavailable() : 'this tsmachine came without its builder'
  if (!builder || reason !== undefined) return `it cannot be built here: ${reason ?? ''}`
  const { kind, arch, signal, report } = wish
  report({ type: 'info', text: `Building the ${WORDS[kind]} (once; it is kept in ${cache.root})` })
  return await withStaged(cache, async (staged) => {
    const out = join(staged, 'out')
    await mkdir(out, { mode: 0o700 })
    try {
      return await cache.adopt(await builder.build({ kind, arch, out, signal, report }), 'built', signal)
    } catch (error) {
      signal.throwIfAborted()
      if (isMachineError(error)) throw error
      throw imageError(`Building the ${WORDS[kind]} failed: ${messageOf(error)}`, [], error)
    }
  })
}

/** Runs `work` with a staging directory that is gone afterwards. */
export async function withStaged<T>(cache: ArtefactCache, work: (staged: string) => Promise<T>): Promise<T> {
  const staged = await cache.stage()
  try {
    return await work(staged)
  } finally {
    await rm(staged, { recursive: true, force: true })
  }
}

/** A source that fails is a source that has nothing: it is said aloud and the next one is tried. */
function forgiving(source: Source): Source {
  return async (context, wish) => {
    try {
      return await source(context, wish)
    } catch (error) {
      if (!isMachineError(error) || !['image', 'not-found', 'timeout'].includes(error.code)) throw error
      wish.report({ type: 'warn', text: error.message })
      return error.message
    }
  }
}
