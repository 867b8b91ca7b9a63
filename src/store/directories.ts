/** Machine directories coming and going: always by one rename, so that no reader sees half of one. */
import { randomBytes } from 'node:crypto'
import { lstatSync, readdirSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import { type FileOps, makePrivateDir, syncDirectory } from '../util/atomic-file.js'
import { errnoOf, fileError } from '../util/file-error.js'

/** Names of machine directories as Go's ReadDir gives them: sorted, no files, no links, nothing hidden. */
export function directoryNames(machinesDir: string): string[] {
  try {
    const entries = readdirSync(machinesDir, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw fileError('read', machinesDir, error)
  }
}

/**
 * Whether there is a directory (a link to one does not count, as for docker-machine). A name that no directory can have
 * is not there. @throws MachineError `store` when it cannot be told
 */
export function isDirectory(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  } catch (error) {
    if (errnoOf(error) === 'ENAMETOOLONG') return false
    throw fileError('read', path, error)
  }
}

/**
 * Makes `machinesDir/name` with what `fill` puts into it, all or nothing.
 * @throws MachineError `exists` when there is one
 */
export async function bringIn(
  machinesDir: string,
  name: string,
  fill: (dir: string) => Promise<void>,
  ops: FileOps,
): Promise<void> {
  await makePrivateDir(machinesDir, ops)
  await sweep(machinesDir, (entry) => isLeftoverOf(name, entry), ops)
  const fresh = join(machinesDir, hidden(name, 'new'))
  const target = join(machinesDir, name)
  try {
    await makePrivateDir(fresh, ops)
    await fill(fresh)
    await moveInto(fresh, target, name, ops)
  } catch (error) {
    await ops.rm(fresh, { recursive: true, force: true }).catch(() => undefined)
    throw error
  }
}

/** Removes a directory unless something is in it. Returns whether it is gone. */
export async function removeEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return false
    throw fileError('remove', path, error)
  }
}

async function moveInto(fresh: string, target: string, name: string, ops: FileOps): Promise<void> {
  if (lstatSync(target, { throwIfNoEntry: false })) throw existsError(name)
  try {
    await ops.rename(fresh, target)
    await syncDirectory(dirname(target), ops)
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw existsError(name)
    throw fileError('make', target, error)
  }
}

/** docker-machine's words. */
export function existsError(name: string): MachineError {
  return new MachineError('exists', `Docker machine "${name}" already exists`, { machine: name })
}

/** Removes `machinesDir/name`: gone for readers at once, then deleted. Nothing there is fine. */
export async function takeOut(machinesDir: string, name: string, ops: FileOps): Promise<void> {
  const target = join(machinesDir, name)
  try {
    if (isDirectory(target)) {
      await ops.rename(target, join(machinesDir, hidden(name, 'gone')))
      await syncDirectory(machinesDir, ops)
    }
    await sweep(machinesDir, isGone, ops)
  } catch (error) {
    await sweep(machinesDir, isGone, ops).catch(() => undefined)
    throw fileError('remove', target, error)
  }
}

/** Moves `machinesDir/name` to `target`, replacing what is there. Until it surely is there it is not surely gone here. */
export async function moveOut(
  machinesDir: string,
  name: string,
  target: string,
  ops: FileOps,
): Promise<void> {
  try {
    await ops.rm(target, { recursive: true, force: true })
    await ops.rename(join(machinesDir, name), target)
    await syncDirectory(dirname(target), ops)
    await syncDirectory(machinesDir, ops)
  } catch (error) {
    throw fileError('remove', join(machinesDir, name), error)
  }
}

function hidden(name: string, purpose: 'new' | 'gone'): string {
  return `.${name}.${purpose}-${randomBytes(6).toString('hex')}`
}

/** A half-filled directory of an earlier create of this name, or anything on its way out. */
function isLeftoverOf(name: string, entry: string): boolean {
  const prefix = `.${name}.new-`
  return isGone(entry) || (entry.startsWith(prefix) && /^[0-9a-f]{12}$/.test(entry.slice(prefix.length)))
}

function isGone(entry: string): boolean {
  return /^\..+\.gone-[0-9a-f]{12}$/.test(entry)
}

async function sweep(
  machinesDir: string,
  isLeftover: (entry: string) => boolean,
  ops: FileOps,
): Promise<void> {
  for (const entry of readdirSync(machinesDir).filter(isLeftover))
    await ops.rm(join(machinesDir, entry), { recursive: true, force: true }).catch((error: unknown) => {
      if (!IN_USE.includes(errnoOf(error) ?? '')) throw error
    })
}

/** A file server keeps what somebody has open under another name (`.nfs...`) in its directory: the next sweep gets it. */
const IN_USE = ['EBUSY', 'ENOTEMPTY', 'EEXIST', 'ESTALE']
