import { randomBytes } from 'node:crypto'
import { lstatSync, readdirSync, realpathSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
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
  const temporary = temporaryOf(target)
  try {
    await writeWhole(temporary, data, options.mode ?? 0o600, ops)
    await moveOver(temporary, target, ops)
    await syncDirectory(dirname(target), ops)
  } catch (error) {
    await ops.rm(temporary, { force: true }).catch(() => leftBehind.add(temporary))
    throw isMachineError(error) ? error : fileError('write', path, error)
  }
  await sweepTemporaries(target, ops)
}

/** Renames. File servers may do so, lose their answer, and say when asked again that there is nothing to rename. */
export async function moveOver(temporary: string, target: string, ops: FileOps = realFileOps): Promise<void> {
  const written = lstatSync(temporary, { bigint: true })
  try {
    await ops.rename(temporary, target)
  } catch (error) {
    const there =
      errnoOf(error) === 'ENOENT' ? lstatSync(target, { bigint: true, throwIfNoEntry: false }) : undefined
    if (there?.ino !== written.ino || there.dev !== written.dev) throw error
  }
}

const TEMPORARY = '.tmp'
const OLD_MS = 3_600_000
/** Our own that could not be removed: the disk was read-only. */
const leftBehind = new Set<string>()

/** Name of a file that is being written: what a killed program leaves of it is known by it. */
export function temporaryOf(target: string): string {
  return join(dirname(target), temporaryPrefix(target) + randomBytes(6).toString('hex') + TEMPORARY)
}

function temporaryPrefix(target: string): string {
  return `.${basename(target).slice(0, 200)}.`
}

/**
 * Removes unfinished copies of a file that failed or killed writers have left; those of an hour ago, or, where the caller is
 * the only one who writes it (`alone`), all. No failure: the next writer tries again.
 */
export async function sweepTemporaries(
  target: string,
  ops: FileOps = realFileOps,
  alone = false,
): Promise<void> {
  const [dir, prefix] = [dirname(target), temporaryPrefix(target)]
  const isOne = (name: string): boolean =>
    name.startsWith(prefix) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(prefix.length))
  try {
    for (const path of readdirSync(dir)
      .filter(isOne)
      .map((name) => join(dir, name))) {
      if (!alone && !leftBehind.has(path) && Date.now() - lstatSync(path).mtimeMs < OLD_MS) continue
      await ops.rm(path, { force: true })
      leftBehind.delete(path)
    }
  } catch {
    // It is in nobody's way.
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
    if (!['EINVAL', 'ENOTSUP', 'ENOSYS', 'EISDIR', 'EBADF'].includes(errnoOf(error) ?? '')) throw error
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
    const first = await ops.mkdir(path, { recursive: true, mode: 0o700 })
    if (first !== undefined) await syncParents(path, first, ops)
  } catch (error) {
    throw fileError('make', path, errnoOf(error) === 'EEXIST' ? notADirectory() : error)
  }
}

/** What is forced to the disk below a new directory is lost all the same where the directory itself is not. */
async function syncParents(path: string, first: string, ops: FileOps): Promise<void> {
  let made = resolve(path)
  for (;;) {
    await syncDirectory(dirname(made), ops)
    if (made === resolve(first) || dirname(made) === made) return
    made = dirname(made)
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
