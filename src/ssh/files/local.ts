import { chmod, mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import { MachineError, messageOf } from '../../contracts/errors.js'
import { type FileInfo, type Files, type OpenFile, type OpenMode, PERMISSIONS } from './files.js'

const FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', new: 'wx', stream: 'w' }
const SPECIAL = { kind: 'other', mode: 0, size: 0 } as const

/** This computer's files. */
export class LocalFiles implements Files {
  async stat(path: string): Promise<FileInfo | undefined> {
    try {
      const found = await stat(path)
      if (!found.isFile() && !found.isDirectory()) return SPECIAL
      const kind = found.isFile() ? 'file' : 'directory'
      return { kind, mode: found.mode & PERMISSIONS, size: found.size }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw this.#failed(path, error)
    }
  }

  names(path: string): Promise<string[]> {
    return this.#try(path, () => readdir(path))
  }

  async open(path: string, how: OpenMode, mode?: number): Promise<OpenFile> {
    const file = await this.#try(path, () => open(path, FLAGS[how], mode))
    return {
      read: (buffer, position) =>
        this.#try(path, async () => (await file.read(buffer, 0, buffer.length, position)).bytesRead),
      write: (bytes, position) =>
        this.#try(path, async () => {
          const at = how === 'stream' ? null : position
          for (let done = 0; done < bytes.length;)
            done += (await file.write(bytes, done, bytes.length - done, at === null ? at : at + done))
              .bytesWritten
        }),
      close: () => this.#try(path, () => file.close()),
    }
  }

  async makeDirectory(path: string, mode: number): Promise<void> {
    await this.#try(path, () => mkdir(path, { mode }))
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#try(path, () => chmod(path, mode))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#try(to, () => rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#try(path, () => rm(path, { force: true }))
  }

  resolve(path: string): Promise<string> {
    return this.#try(path, () => realpath(path))
  }

  join(dir: string, name: string): string {
    return join(dir, name)
  }

  base(path: string): string {
    return basename(path)
  }

  dir(path: string): string {
    return dirname(path)
  }

  show(path: string): string {
    return path
  }

  expand(path: string): Promise<string[]> {
    return Promise.resolve([path])
  }

  usable(): boolean {
    return true
  }

  async #try<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.#failed(path, error)
    }
  }

  #failed(path: string, cause: unknown): MachineError {
    const [, text = messageOf(cause)] =
      getSystemErrorMap().get((cause as NodeJS.ErrnoException).errno ?? 0) ?? []
    return new MachineError('ssh', `${path}: ${text}`, { cause })
  }
}
