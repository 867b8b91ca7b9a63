import { randomBytes } from 'node:crypto'
import { lstatSync, realpathSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isMachineError, MachineError } from '../contracts/errors.js'
import { errnoOf, fileError } from './file-error.js'

/** The file operations that writers use; tests pass ones that fail or kill the process at the n-th call. */
export interface FileOps {
  readonly open: typeof open
  readonly rename: typeof rename
  readonly mkdir: typeof mkdir
  readonly rm: typeof rm
}

/** Looked up when used: those who only read do not wait for the module. */
export const realFileOps: FileOps = {
  get open() {
    return open
  },
  get rename() {
    return rename
  },
  get mkdir() {
    return mkdir
  },
  get rm() {
    return rm
  },
}

export interface WriteOptions {
  /** Mode from the first byte on; 0600 when absent. */
  readonly mode?: number
  readonly ops?: FileOps
}

/**
 * Replaces a file as a whole: there is never a moment without it or with half of it, power loss included.
 * A symbolic link is followed, so a linked file stays linked. On failure the old content stays and no temporary file.
 * @throws MachineError `store` saying why (disk full, read-only, no permission)
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const ops = options.ops ?? realFileOps
  surviveFileSizeLimit()
  const target = followLink(path)
  const temporary = join(
    dirname(target),
    `.${basename(target).slice(0, 200)}.${randomBytes(6).toString('hex')}.tmp`,
  )
  try {
    await writeWhole(temporary, data, options.mode ?? 0o600, ops)
    await ops.rename(temporary, target)
    await syncDirectory(dirname(target), ops)
  } catch (error) {
    await ops.rm(temporary, { force: true }).catch(() => undefined)
    throw isMachineError(error) ? error : fileError('write', path, error)
  }
}

/** A write beyond `ulimit -f` ends the process unless somebody listens; then it fails with EFBIG as any other. */
export function surviveFileSizeLimit(): void {
  // One listener of ours, whoever else listens: some libraries end the process when nobody but they do.
  if (process.platform !== 'win32' && !process.listeners('SIGXFSZ').includes(survive))
    process.on('SIGXFSZ', survive)
}

const survive = (): void => undefined

/** Writes a new file and forces it to the disk. Fails when it exists. */
async function writeWhole(
  path: string,
  data: string | Uint8Array,
  mode: number,
  ops: FileOps,
): Promise<void> {
  const file = await ops.open(path, 'wx', mode)
  try {
    await file.writeFile(data)
    await file.sync()
  } finally {
    await file.close()
  }
}

function followLink(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path
  } catch {
    return path
  }
}

/** Forces a directory's entries to the disk. File systems that cannot (some network ones, Windows) are left alone. */
export async function syncDirectory(path: string, ops: FileOps = realFileOps): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await ops.open(path, 'r')
  try {
    await directory.sync()
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EISDIR', 'EBADF'].includes(errnoOf(error) ?? '')) throw error
  } finally {
    await directory.close()
  }
}

/**
 * Makes a directory that only its owner can enter, and its missing parents. One that exists is left as it is.
 * @throws MachineError `store` when it cannot be made or is not a directory
 */
export async function makePrivateDir(path: string, ops: FileOps = realFileOps): Promise<void> {
  try {
    await ops.mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw fileError('make', path, errnoOf(error) === 'EEXIST' ? notADirectory() : error)
  }
}

/**
 * As `makePrivateDir`, and one that exists must be ours alone: below a folder that everybody may write to, somebody else
 * may have made it first.
 * @throws MachineError `store`
 */
export async function makeOwnDir(path: string): Promise<void> {
  await makePrivateDir(path)
  const { uid, mode } = lstatSync(path)
  if (process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0)) return
  throw new MachineError('store', `${path} belongs to somebody else, or others may enter it`, {
    hints: ['Remove it, or set XDG_RUNTIME_DIR to a directory of your own.'],
  })
}

function notADirectory(): Error {
  return Object.assign(new Error('not a directory'), { code: 'ENOTDIR' })
}
