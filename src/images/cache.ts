import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import { isMachineError, messageOf } from '../contracts/errors.js'
import type { Artefact, ArtefactKind, ArtefactSource, ListedArtefact, Manifest } from '../contracts/image.js'
import { makePrivateDir, moveOver, syncDirectory, writeFileAtomic } from '../util/atomic-file.js'
import { syncFile } from '../util/durable.js'
import { refuseStrangers } from '../util/exposure.js'
import { errnoOf, fileError } from '../util/file-error.js'
import { artefactOf, imageError, MANIFEST, readManifest } from './manifest.js'
import { copyPlainFile, makePrivate } from './plain-files.js'
import { type Looks, readMarker, verifyFiles, verifyQuickly, writeMarker } from './verify.js'

const DIGEST = /^[0-9a-f]{64}$/
/** Directories of ours that are being filled or emptied; left behind only by a killed process. */
const SCRATCH = /^\.(staging|removed)-/
const SCRATCH_AGE_MS = 24 * 3_600_000

/** The user's artefacts: one directory per digest. Nothing appears under a digest before it was checked completely. */
export class ArtefactCache {
  /** @param root `<cache>/images` */
  constructor(
    readonly root: string,
    private readonly clock: Clock,
  ) {}

  /** Path of the lock that builders and importers of one kind take. */
  lockPath(kind: ArtefactKind, arch: string): string {
    return join(this.root, `.lock-${kind}-${arch}`)
  }

  /** A new empty directory on the cache's own file system. The caller removes it. */
  async stage(): Promise<string> {
    await makePrivateDir(this.root)
    refuseStrangers(this.root)
    await this.#sweep()
    return await mkdtemp(join(this.root, '.staging-'))
  }

  /**
   * Takes the artefact in `dir` in. `dir` is moved when it lies in a staging directory, else copied.
   * @throws MachineError `image` when a file is missing, is not a plain file or has the wrong hash
   */
  async adopt(dir: string, source: ArtefactSource, signal?: AbortSignal): Promise<Artefact> {
    const manifest = await readManifest(dir)
    if (!dir.startsWith(`${this.root}/.staging-`)) return await this.#adoptCopy(dir, manifest, source, signal)
    await makePrivate(dir)
    const files = await verifyFiles(dir, manifest, signal)
    // The marker says that they need not be read again: nothing of them may be lost after it.
    for (const { name } of manifest.files) await syncFile(join(dir, name))
    await syncFile(join(dir, MANIFEST))
    const marker = { digest: manifest.digest, source, since: this.clock.now().toISOString() }
    await writeMarker(dir, { ...marker, files })
    const target = join(this.root, manifest.digest)
    await this.#moveIn(dir, target, manifest, signal)
    return artefactOf(target, manifest)
  }

  async #adoptCopy(
    dir: string,
    manifest: Manifest,
    source: ArtefactSource,
    signal?: AbortSignal,
  ): Promise<Artefact> {
    const staged = await this.stage()
    try {
      for (const name of [...manifest.files.map((file) => file.name), MANIFEST]) {
        signal?.throwIfAborted()
        await copyPlainFile(join(dir, name), join(staged, name))
      }
      return await this.adopt(staged, source, signal)
    } finally {
      await rm(staged, { recursive: true, force: true })
    }
  }

  /** Puts a checked directory in its place; one that is there already stays if it is sound. */
  async #moveIn(dir: string, target: string, manifest: Manifest, signal?: AbortSignal): Promise<void> {
    const marker = await readMarker(dir)
    const files = await soundFiles(target, signal)
    if (files) {
      if (marker) await writeMarker(target, { ...marker, files })
      return
    }
    await this.#discard(target)
    try {
      await moveOver(dir, target)
    } catch (error) {
      // Another process was faster with the same bytes.
      if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error
    }
    await syncDirectory(this.root)
  }

  /** The artefact that new machines get: the chosen one, else the newest. Damaged ones are reported and passed over. */
  async current(
    kind: ArtefactKind,
    arch: string,
    damaged: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<Artefact | undefined> {
    for (const entry of await this.#candidates(kind, arch)) {
      try {
        return await this.open(entry.id, signal)
      } catch (error) {
        if (!isMachineError(error) || error.code !== 'image') throw error
        damaged(error.message)
      }
    }
    return undefined
  }

  /**
   * An entry by its full id, checked.
   * @throws MachineError `image` when it is missing or damaged
   */
  async open(id: string, signal?: AbortSignal): Promise<Artefact> {
    refuseStrangers(this.root)
    const dir = join(this.root, id)
    const manifest = await readEntry(dir, id)
    await verifyQuickly(dir, manifest, signal)
    return artefactOf(dir, manifest)
  }

  /** All entries: by kind and architecture, the one in use first, then the newest. */
  async list(): Promise<ListedArtefact[]> {
    const entries = await Promise.all((await this.#ids()).map((id) => this.#entry(id)))
    const groups = new Map<string, ListedArtefact[]>()
    for (const entry of entries.sort(byAge)) {
      const key = `${entry.kind ?? '~'} ${entry.arch ?? ''}`
      groups.set(key, [...(groups.get(key) ?? []), entry])
    }
    const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
    return (await Promise.all(sorted.map(([, group]) => this.#markCurrent(group)))).flat()
  }

  /**
   * The entry whose id begins with `prefix`, or whose version it is.
   * @throws MachineError `not-found`-like `image` error when none or several fit
   */
  async find(prefix: string): Promise<ListedArtefact> {
    const all = await this.list()
    const hits = all.filter((entry) => entry.id.startsWith(prefix) || entry.version === prefix)
    const [hit] = hits
    if (hit && hits.length === 1 && prefix !== '') return hit
    if (hits.length > 1 && prefix !== '')
      throw imageError(`"${prefix}" fits ${String(hits.length)} artefacts`, ['Give more digits of the id.'])
    throw imageError(`There is no artefact "${prefix}" in ${this.root}`, [
      'See what there is: tsmachine image ls',
    ])
  }

  /** Makes an entry the one that new machines get. */
  async use(id: string): Promise<void> {
    const manifest = await readManifest(join(this.root, id))
    await writeFileAtomic(this.#pointer(manifest.kind, manifest.arch), `${id}\n`)
  }

  /** Removes an entry. Removing what is gone succeeds. */
  async remove(id: string): Promise<void> {
    if (!DIGEST.test(id)) throw imageError(`"${id}" is not the id of an artefact`)
    await this.#discard(join(this.root, id))
  }

  async #candidates(kind: ArtefactKind, arch: string): Promise<ListedArtefact[]> {
    return (await this.list()).filter((entry) => entry.kind === kind && entry.arch === arch && !entry.error)
  }

  async #markCurrent(group: ListedArtefact[]): Promise<ListedArtefact[]> {
    const sound = group.filter((entry) => entry.error === undefined)
    const [first] = sound
    if (!first?.kind || !first.arch) return group
    const chosen = await readFile(this.#pointer(first.kind, first.arch), 'utf8').catch(() => '')
    const current = sound.find((entry) => entry.id === chosen.trim()) ?? first
    return [{ ...current, current: true }, ...group.filter((entry) => entry !== current)]
  }

  #pointer(kind: ArtefactKind, arch: string): string {
    return join(this.root, `current-${kind}-${arch}`)
  }

  async #ids(): Promise<string[]> {
    refuseStrangers(this.root)
    try {
      return (await readdir(this.root)).filter((name) => DIGEST.test(name))
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return []
      throw error
    }
  }

  async #entry(id: string): Promise<ListedArtefact> {
    const dir = join(this.root, id)
    try {
      const manifest = await readEntry(dir, id)
      const marker = await readMarker(dir)
      return {
        id,
        kind: manifest.kind,
        arch: manifest.arch,
        version: manifest.version,
        sizeBytes: manifest.files.reduce((sum, file) => sum + file.size, 0),
        ...(marker ? { source: marker.source, since: marker.since } : {}),
        current: false,
        dir,
      }
    } catch (error) {
      return { id, sizeBytes: 0, current: false, dir, error: messageOf(error) }
    }
  }

  /** Renamed first, so that no reader ever sees half of it. What a power cut might bring back stays whole. */
  async #discard(dir: string): Promise<void> {
    const aside = join(this.root, `.removed-${randomBytes(6).toString('hex')}`)
    try {
      await rename(dir, aside)
      await syncDirectory(this.root).catch(async (error: unknown) => {
        await rename(aside, dir).catch(() => undefined)
        throw error
      })
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw fileError('remove', dir, error)
    }
    await this.#sweep()
  }

  async #sweep(): Promise<void> {
    const oldest = this.clock.now().getTime() - SCRATCH_AGE_MS
    for (const name of (await readdir(this.root)).filter((name) => SCRATCH.test(name))) {
      const dir = join(this.root, name)
      const age = await stat(dir).catch(() => undefined)
      // What is being removed is nobody's any more, however young.
      if (name.startsWith('.removed-') || (age && age.mtimeMs < oldest))
        await rm(dir, { recursive: true, force: true })
    }
  }
}

/** A manifest vouches for files; only the name that a machine's record has, or a pin, vouches for the manifest. */
async function readEntry(dir: string, id: string): Promise<Manifest> {
  const manifest = await readManifest(dir)
  if (manifest.digest === id) return manifest
  throw imageError(`${dir} holds another artefact (${manifest.digest})`)
}

async function soundFiles(dir: string, signal?: AbortSignal): Promise<Looks | undefined> {
  try {
    return await verifyFiles(dir, await readManifest(dir), signal)
  } catch (error) {
    if (isMachineError(error) && error.code === 'image') return undefined
    throw error
  }
}

function byAge(a: ListedArtefact, b: ListedArtefact): number {
  return (b.since ?? '').localeCompare(a.since ?? '') || a.id.localeCompare(b.id)
}
