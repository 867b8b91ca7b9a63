import { resolve } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import type { MachineError } from '../contracts/errors.js'
import type {
  Artefact,
  ArtefactBuilder,
  ArtefactKind,
  ArtefactOptions,
  ArtefactSource,
  ListedArtefact,
} from '../contracts/image.js'
import { systemClock } from '../util/clock.js'
import { withLock } from '../util/locks.js'
import { ArtefactCache } from './cache.js'
import { imageError } from './manifest.js'
import { openSource } from './open-source.js'
import { packageName } from './optional-package.js'
import { fromBuild, SOURCES, type SourceContext, type Wish, WORDS, withStaged } from './sources.js'

/** What the store works with. */
export interface ArtefactStoreOptions {
  /** The user's cache directory; artefacts lie in `images/` below it. */
  readonly cacheDir: string
  /** Folder of our own package.json: holds the pinned hashes, and optional packages are found from there. */
  readonly packageRoot: string
  /** TSMACHINE_IMAGE_URL: a folder on a web server. */
  readonly imageUrl?: string | undefined
  readonly builder?: ArtefactBuilder | undefined
  readonly clock?: Clock
}

/** How `import` is told to check what it gets. */
export interface ImportOptions extends ArtefactOptions {
  /** Expected SHA-256 of a downloaded file. */
  readonly sha256?: string
}

const DEFAULT_ARCH = 'amd64'
/** A build takes minutes; whoever waits for another's build waits that long too. */
const BUILD_WAIT_MS = 30 * 60_000

/** Boot images and engine bundles of this user: finds, makes, imports and removes them (design 4). */
export class ArtefactStore {
  readonly #context: SourceContext

  constructor(options: ArtefactStoreOptions) {
    const cache = new ArtefactCache(resolve(options.cacheDir, 'images'), options.clock ?? systemClock)
    this.#context = { ...options, cache }
  }

  get #cache(): ArtefactCache {
    return this.#context.cache
  }

  /**
   * The artefact to use now. Looked for in this order: the user's cache, the optional npm package, TSMACHINE_IMAGE_URL,
   * a build on this computer.
   * @throws MachineError `image` saying for all four why not
   */
  async resolve(kind: ArtefactKind, options: ArtefactOptions): Promise<Artefact> {
    const wish = wishOf(kind, options)
    const warn = (text: string): void => wish.report({ type: 'warn', text: `${text}; it is not used` })
    const ready = await this.#cache.current(kind, wish.arch, warn, wish.signal)
    return ready ?? (await this.#locked(wish, 'get', () => this.#search(wish)))
  }

  async #search(wish: Wish): Promise<Artefact> {
    // Whoever held the lock before us may have put it there.
    const ready = await this.#cache.current(wish.kind, wish.arch, () => undefined, wish.signal)
    if (ready) return ready
    const reasons = [`none is in the cache ${this.#cache.root}`]
    for (const source of SOURCES) {
      const outcome = await source(this.#context, wish)
      if (typeof outcome !== 'string') return outcome
      reasons.push(outcome)
    }
    throw nowhere(wish, reasons)
  }

  /** Builds on this computer even when there is one already, and makes the result the one to use. */
  async build(kind: ArtefactKind, options: ArtefactOptions): Promise<Artefact> {
    const wish = wishOf(kind, options)
    return await this.#locked(wish, 'build', async () => {
      const outcome = await fromBuild(this.#context, wish)
      if (typeof outcome === 'string') throw imageError(`There is no ${WORDS[kind]}: ${outcome}`, hints(wish))
      await this.#cache.use(outcome.id)
      return outcome
    })
  }

  /**
   * Takes an artefact in from a directory, an archive (tar, tar.gz, tar.zst, an npm package) or a URL of one, and makes it
   * the one to use.
   * @throws MachineError `image` when it is damaged or no artefact; `not-found` when the source does not exist
   */
  async import(source: string, options: ImportOptions): Promise<Artefact> {
    const { cacheDir } = this.#context
    return await withStaged(this.#cache, async (staged) =>
      this.adopt(await openSource(source, { ...options, cacheDir, staged }), 'import', options.signal),
    )
  }

  /** Takes a finished artefact directory in, after checking every hash, and makes it the one to use. */
  async adopt(dir: string, source: ArtefactSource, signal?: AbortSignal): Promise<Artefact> {
    const artefact = await this.#cache.adopt(resolve(dir), source, signal)
    await this.#cache.use(artefact.id)
    return artefact
  }

  /** What the cache holds, sound or not. */
  async list(): Promise<ListedArtefact[]> {
    return await this.#cache.list()
  }

  /** One entry by the beginning of its id or by its version. */
  async inspect(idOrPrefix: string): Promise<ListedArtefact> {
    return await this.#cache.find(idOrPrefix)
  }

  /** An entry as an artefact, checked: what a machine that was made with it boots from. */
  async open(idOrPrefix: string, signal?: AbortSignal): Promise<Artefact> {
    return await this.#cache.open((await this.#cache.find(idOrPrefix)).id, signal)
  }

  /** Makes an entry the one that new machines get. */
  async use(idOrPrefix: string): Promise<ListedArtefact> {
    const entry = await this.#cache.find(idOrPrefix)
    await this.#cache.use(entry.id)
    return { ...entry, current: true }
  }

  /** Removes an entry and returns what it was. */
  async remove(idOrPrefix: string): Promise<ListedArtefact> {
    const entry = await this.#cache.find(idOrPrefix)
    await this.#cache.remove(entry.id)
    return entry
  }

  async #locked<T>(wish: Wish, verb: string, work: () => Promise<T>): Promise<T> {
    const path = this.#cache.lockPath(wish.kind, wish.arch)
    const what = `${verb} the ${WORDS[wish.kind]}`
    return await withLock(path, { what, waitMs: BUILD_WAIT_MS, signal: wish.signal }, work)
  }
}

function wishOf(kind: ArtefactKind, options: ArtefactOptions): Wish {
  return { ...options, kind, arch: options.arch ?? DEFAULT_ARCH }
}

function nowhere(wish: Wish, reasons: readonly string[]): MachineError {
  const list = reasons.map((reason) => `\n  - ${reason}`).join('')
  return imageError(`There is no ${WORDS[wish.kind]} for ${wish.arch} to work with:${list}`, hints(wish))
}

function hints(wish: Wish): string[] {
  return [
    `On a computer with apt (Debian, Ubuntu): tsmachine image build`,
    `Elsewhere: npm install ${packageName(wish.kind, wish.arch)}`,
    `From a file made by "npm run package:image": tsmachine image import FILE`,
  ]
}
