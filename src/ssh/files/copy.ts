import { randomBytes } from 'node:crypto'
import { isMachineError, joinErrors, MachineError } from '../../contracts/errors.js'
import type { FileInfo, Files, OpenFile } from './files.js'
import { pump } from './pump.js'

/** One side of a copy. */
export interface Place {
  readonly files: Files
  readonly path: string
}

export interface CopyProgress {
  /** The file as the user would name it. */
  readonly file: string
  readonly done: number
  readonly total: number
}

export interface CopyOptions {
  readonly recursive: boolean
  readonly signal: AbortSignal
  readonly onProgress?: (progress: CopyProgress) => void
}

export interface Copied {
  files: number
  bytes: number
}

/** Deeper than this is a link that leads back up. OpenSSH's limit too. */
const DEEPEST = 64

/**
 * Copies a file, what a pattern matches, or with `recursive` a directory, by scp's rules. A file appears under its name
 * when it is complete. One that fails does not keep the others from being copied.
 * @throws MachineError with all failures
 */
export async function copyTree(from: Place, to: Place, options: CopyOptions): Promise<Copied> {
  return await new TreeCopy(from.files, to.files, options).run(from.path, to.path)
}

class TreeCopy {
  readonly #copied: Copied = { files: 0, bytes: 0 }
  readonly #failures: MachineError[] = []

  constructor(
    private readonly from: Files,
    private readonly to: Files,
    private readonly options: CopyOptions,
  ) {}

  async run(pattern: string, target: string): Promise<Copied> {
    const sources = await this.from.expand(pattern)
    const there = await this.to.stat(target)
    const isFolder = there?.kind === 'directory'
    const first = sources[0] ?? pattern
    if (!isFolder && (sources.length > 1 || (target.endsWith('/') && (await this.#isFile(first)))))
      throw fault(this.to, target, there ? 'Not a directory' : 'No such file or directory')
    for (const source of sources)
      await this.#tolerate(() =>
        this.#entry(source, isFolder ? this.#inside(target, this.from.base(source)) : target, 0),
      )
    if (this.#failures.length > 0) throw joinErrors(this.#failures)
    return this.#copied
  }

  /** A path that ends in a dot has no name of its own: its content goes into the target itself. */
  #inside(target: string, name: string): string {
    return ['', '.', '..', '/'].includes(name) ? target : this.to.join(target, name)
  }

  async #isFile(path: string): Promise<boolean> {
    return (await this.from.stat(path))?.kind === 'file'
  }

  async #entry(source: string, target: string, depth: number): Promise<void> {
    const info = await this.from.stat(source)
    if (!info) throw fault(this.from, source, 'No such file or directory')
    if (info.kind === 'file') return await this.#file(source, target, info)
    if (info.kind === 'other' || !this.options.recursive)
      throw fault(
        this.from,
        source,
        info.kind === 'other' ? 'Not a regular file' : 'Is a directory (not copied without -r)',
      )
    if (depth > DEEPEST) throw fault(this.from, source, 'Too deep')
    await this.#folder(source, target, info, depth)
  }

  async #folder(source: string, target: string, info: FileInfo, depth: number): Promise<void> {
    const names = await this.from.names(source)
    const existed = await this.#prepareFolder(target, info.mode)
    for (const name of names.filter((each) => each !== '.' && each !== '..').sort()) {
      await this.#tolerate(async () => {
        checkName(this.from, source, name)
        await this.#entry(this.from.join(source, name), this.to.join(target, name), depth + 1)
      })
    }
    if (existed || (info.mode & OWNER_WRITES) === OWNER_WRITES) return
    const made = await this.to.stat(target)
    await this.to.setMode(target, (made?.mode ?? info.mode) & info.mode)
  }

  /** Returns whether it was there. While it is filled its owner may write to it. */
  async #prepareFolder(target: string, mode: number): Promise<boolean> {
    const there = await this.to.stat(target)
    if (there && there.kind !== 'directory') throw fault(this.to, target, 'Not a directory')
    if (!there) await this.to.makeDirectory(target, mode | OWNER_WRITES)
    return there !== undefined
  }

  async #file(source: string, target: string, info: FileInfo): Promise<void> {
    const there = await this.to.stat(target)
    if (there?.kind === 'directory') throw fault(this.to, target, 'Is a directory')
    const input = await this.from.open(source, 'read')
    try {
      if (there?.kind === 'other')
        await this.#pumpInto(await this.to.open(target, 'stream'), input, source, info, true)
      else await this.#replace(target, there, input, source, info)
    } finally {
      await input.close().catch(() => undefined)
    }
    this.#copied.files += 1
  }

  /** Under another name until it is complete, then in one step. A link keeps pointing where it does. */
  async #replace(
    target: string,
    there: FileInfo | undefined,
    input: OpenFile,
    source: string,
    info: FileInfo,
  ): Promise<void> {
    const final = there ? await this.to.resolve(target) : target
    const name = `.${this.to.base(final).slice(0, LONGEST_BASE)}.${randomBytes(6).toString('hex')}.part`
    const part = this.to.join(this.to.dir(final), name)
    try {
      const output = await this.to.open(part, 'new', there?.mode ?? info.mode)
      await this.#pumpInto(output, input, source, info, false)
      // The host's umask counts for new files; one that is replaced keeps its mode.
      if (there) await this.to.setMode(part, there.mode)
      await this.to.rename(part, final)
    } catch (error) {
      await this.to.remove(part).catch(() => undefined)
      throw isMachineError(error) ? underName(error, this.to.show(part), this.to.show(target)) : error
    }
  }

  async #pumpInto(
    output: OpenFile,
    input: OpenFile,
    source: string,
    info: FileInfo,
    stream: boolean,
  ): Promise<void> {
    let done = 0
    const tell = (): void =>
      this.options.onProgress?.({ file: this.from.show(source), done, total: info.size })
    const onBytes = (count: number): void => {
      done += count
      this.#copied.bytes += count
      tell()
    }
    tell()
    try {
      await pump(input, output, { stream, signal: this.options.signal, onBytes })
    } catch (error) {
      await output.close().catch(() => undefined)
      throw error
    }
    await output.close()
  }

  /** Goes on with the next file after a failure, unless a side is gone. */
  async #tolerate(work: () => Promise<void>): Promise<void> {
    this.options.signal.throwIfAborted()
    if (this.#failures.length > 0 && !(this.from.usable() && this.to.usable())) return
    try {
      await work()
    } catch (error) {
      this.options.signal.throwIfAborted()
      if (!isMachineError(error)) throw error
      this.#failures.push(error)
    }
  }
}

const OWNER_WRITES = 0o300
/** Characters; with what is added at most 255 bytes in any script. */
const LONGEST_BASE = 60

/** A host may send any name; one with a path in it would be written elsewhere. */
function checkName(files: Files, dir: string, name: string): void {
  if (name === '' || /[/\0]/.test(name) || (process.platform === 'win32' && /[\\:]/.test(name)))
    throw fault(files, dir, `It has an entry with the impossible name "${name}"`)
}

/** Users know the file by its own name. */
function underName(error: MachineError, part: string, name: string): MachineError {
  if (!error.message.includes(part)) return error
  return new MachineError(error.code, error.message.replace(part, name), { cause: error })
}

function fault(files: Files, path: string, text: string): MachineError {
  return new MachineError('ssh', `${files.show(path)}: ${text}`)
}
