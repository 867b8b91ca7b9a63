import { posix } from 'node:path'
import type { Client, OpenMode as SftpMode, SFTPWrapper } from 'ssh2'
import { MachineError, messageOf } from '../../contracts/errors.js'
import { type FileInfo, type Files, type OpenFile, type OpenMode, PERMISSIONS } from './files.js'
import { expandPattern } from './glob.js'

/** Status codes of the SFTP protocol, version 3. */
const NO_SUCH_FILE = 2
const TEXTS: Readonly<Record<number, string>> = {
  [NO_SUCH_FILE]: 'No such file or directory',
  3: 'Permission denied',
  4: 'The host could not do it',
  8: 'The host cannot do that',
}
const FLAGS: Readonly<Record<OpenMode, SftpMode>> = { read: 'r', new: 'wx', stream: 'w' }

type Callback<T> = (error: Error | undefined | null, value: T) => void

/** Opens the file transfer of a connection. @throws MachineError `ssh` where the host has none */
export async function openRemoteFiles(client: Client, name: string): Promise<Files> {
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) =>
    client.sftp((error, opened) => (error ? reject(noTransfer(name, error)) : resolve(opened))),
  )
  return new RemoteFiles(sftp, name)
}

function noTransfer(name: string, cause: Error): MachineError {
  return new MachineError('ssh', `The SSH server of ${name} offers no file transfer (sftp)`, {
    cause,
    hints: [
      'Install its sftp server on the host (package openssh-sftp-server), also where the SSH server is dropbear',
    ],
  })
}

/** A host's files over SFTP. Paths that begin with no slash are below the user's home. */
class RemoteFiles implements Files {
  #lost = false

  constructor(
    private readonly sftp: SFTPWrapper,
    private readonly name: string,
  ) {
    for (const end of ['end', 'close', 'error']) sftp.on(end, () => (this.#lost = true))
  }

  async stat(path: string): Promise<FileInfo | undefined> {
    try {
      const found = await this.#call<Stats>(path, (done) => this.sftp.stat(plain(path), done))
      const mode = found.mode & PERMISSIONS
      const kind = found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other'
      return { kind, mode, size: found.size }
    } catch (error) {
      if (statusOf(error) === NO_SUCH_FILE) return undefined
      throw error
    }
  }

  async names(path: string): Promise<string[]> {
    const list = await this.#call<{ filename: string }[]>(path, (done) =>
      this.sftp.readdir(plain(path), done),
    )
    return list.map((entry) => entry.filename)
  }

  async open(path: string, how: OpenMode, mode?: number): Promise<OpenFile> {
    const handle = await this.#call<Buffer>(path, (done) =>
      mode === undefined
        ? this.sftp.open(plain(path), FLAGS[how], done)
        : this.sftp.open(plain(path), FLAGS[how], { mode }, done),
    )
    return {
      read: (buffer, position) => this.#readFully(path, handle, buffer, position),
      write: (bytes, position) =>
        this.#call(path, (done) =>
          this.sftp.write(handle, bytes, 0, bytes.length, position, (error) => done(error, undefined)),
        ),
      close: () => this.#act(path, (done) => this.sftp.close(handle, done)),
    }
  }

  /** A server may answer with less than was asked for anywhere in a file. */
  async #readFully(path: string, handle: Buffer, buffer: Buffer, position: number): Promise<number> {
    let length = 0
    while (length < buffer.length) {
      const at = length
      const got = await this.#call<number>(path, (done) =>
        this.sftp.read(handle, buffer, at, buffer.length - at, position + at, done),
      )
      if (got === 0) break
      length += got
    }
    return length
  }

  makeDirectory(path: string, mode: number): Promise<void> {
    return this.#act(path, (done) => this.sftp.mkdir(plain(path), { mode }, done))
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#act(path, (done) => this.sftp.chmod(plain(path), mode, done))
  }

  async rename(from: string, to: string): Promise<void> {
    try {
      await this.#act(to, (done) => this.sftp.ext_openssh_rename(plain(from), plain(to), done))
    } catch (error) {
      if (!(error instanceof MachineError && isUnsupported(error.cause))) throw error
      // The standard's rename refuses a target that exists.
      await this.remove(to).catch(() => undefined)
      await this.#act(to, (done) => this.sftp.rename(plain(from), plain(to), done))
    }
  }

  remove(path: string): Promise<void> {
    return this.#act(path, (done) => this.sftp.unlink(plain(path), done))
  }

  resolve(path: string): Promise<string> {
    return this.#call(path, (done) => this.sftp.realpath(plain(path), done))
  }

  join(dir: string, name: string): string {
    return posix.join(dir, name)
  }

  base(path: string): string {
    return posix.basename(path)
  }

  dir(path: string): string {
    return posix.dirname(path)
  }

  show(path: string): string {
    return `${this.name}:${path}`
  }

  expand(path: string): Promise<string[]> {
    return expandPattern(this, path)
  }

  usable(): boolean {
    return !this.#lost
  }

  #act(path: string, start: (done: (error: Error | undefined | null) => void) => void): Promise<void> {
    return this.#call<undefined>(path, (done) => start((error) => done(error, undefined)))
  }

  #call<T>(path: string, start: (done: Callback<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      // ssh2 never answers what is asked after the end.
      if (this.#lost) throw this.#failed(path, undefined)
      try {
        start((error, value) => (error ? reject(this.#failed(path, error)) : resolve(value)))
      } catch (error) {
        reject(this.#failed(path, error))
      }
    })
  }

  #failed(path: string, cause: unknown): MachineError {
    // ssh2 ends what is under way before it says that the connection ended.
    this.#lost ||= messageOf(cause) === 'No response from server'
    const text = this.#lost ? 'the connection was lost' : textOf(cause)
    return new MachineError('ssh', `${this.show(path)}: ${text}`, { cause })
  }
}

interface Stats {
  readonly mode: number
  readonly size: number
  isDirectory(): boolean
  isFile(): boolean
}

/** The protocol knows no `~`; a user's own home is where relative paths begin. */
function plain(path: string): string {
  if (path === '' || path === '~' || path === '~/') return '.'
  return path.startsWith('~/') ? path.slice(2) : path
}

function statusOf(error: unknown): unknown {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined
  return cause?.code
}

function textOf(cause: unknown): string {
  const { code } = cause as { code?: unknown }
  const text = messageOf(cause)
  if (typeof code !== 'number') return text
  // What the server says beyond the name of the code is worth more than that name.
  return code === 4 && text !== 'Failure' ? text : (TEXTS[code] ?? text)
}

function isUnsupported(cause: unknown): boolean {
  return messageOf(cause).includes('does not support this extended request')
}
