import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** The package's files that are not code: scripts for hosts, lists for the boot image, package.json. */
export interface FileIndex {
  /** Hash of all of them, which names their folder. */
  readonly id: string
  readonly files: readonly { readonly path: string; readonly mode: number }[]
}

/**
 * Puts the package's files where programs can read them. `read` gives each one's content. Nothing that lies there is
 * trusted: every use compares all of it with what is inside the executable.
 */
export class PackageFiles {
  constructor(
    private readonly index: FileIndex,
    private readonly read: (path: string) => Buffer,
  ) {}

  /** The folder: of the user's cache; of this process alone where that cannot be written or is somebody else's. */
  place(cache: string): string {
    const parent = join(cache, 'package')
    try {
      const dir = join(parent, this.index.id)
      mkdirSync(parent, { recursive: true, mode: 0o700 })
      if (!this.#isWhole(dir)) this.#renew(parent, dir)
      if (this.#isWhole(dir)) return dir
    } catch {
      // No place to write, or no right to.
    }
    return this.#placeForNow()
  }

  #placeForNow(): string {
    const dir = mkdtempSync(join(tmpdir(), 'tsmachine-'))
    process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
    this.#fill(dir)
    return dir
  }

  /** Two processes may do this at once: the first one's folder stays. */
  #renew(parent: string, dir: string): void {
    const staged = mkdtempSync(join(parent, '.staging-'))
    try {
      this.#fill(staged)
      if (lstatSync(dir, { throwIfNoEntry: false })) renameSync(dir, join(staged, '.damaged'))
      renameSync(staged, dir)
      rmSync(join(dir, '.damaged'), { recursive: true, force: true })
    } finally {
      rmSync(staged, { recursive: true, force: true })
    }
  }

  #fill(dir: string): void {
    for (const { path, mode } of this.index.files) {
      const file = join(dir, path)
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeFileSync(file, this.read(path), { flag: 'wx' })
      chmodSync(file, mode)
    }
  }

  /** Ours alone, and nothing but these files in it, each as it is inside the executable. */
  #isWhole(dir: string): boolean {
    const own = lstatSync(dir, { throwIfNoEntry: false })
    if (!own?.isDirectory() || own.uid !== (process.getuid?.() ?? own.uid)) return false
    if (process.platform !== 'win32' && (own.mode & 0o077) !== 0) return false
    const found = readdirSync(dir, { recursive: true, withFileTypes: true })
    const files = found.filter((entry) => !entry.isDirectory())
    return (
      files.length === this.index.files.length && this.index.files.every((file) => this.#isSame(dir, file))
    )
  }

  #isSame(dir: string, { path, mode }: FileIndex['files'][number]): boolean {
    const file = join(dir, path)
    const stat = lstatSync(file, { throwIfNoEntry: false })
    if (!stat?.isFile() || (process.platform !== 'win32' && (stat.mode & 0o777) !== mode)) return false
    return readFileSync(file).equals(this.read(path))
  }
}
