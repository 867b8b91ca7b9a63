/** Files that killed programs leave: locks that nobody releases, and what never got its name. */
import { type Dirent, lstatSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import { isMachineError } from '../contracts/errors.js'
import { errnoOf, fileError } from './file-error.js'
import { holderState, readHolder, withLock } from './locks.js'

/** A file is written in milliseconds: one of this age has no writer any more. */
const ABANDONED_MS = 3_600_000

const LOCK = /\.(?:lock|writing|break)$/
const LOCK_TEMPORARY = /\.[0-9a-f]{24}\.tmp$/
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/

/**
 * Removes a lock of a process that has ended, or a file that was being written an hour ago or more. Whatever else it is stays.
 * @returns whether it was removed
 */
export async function sweepFile(path: string, clock: Clock): Promise<boolean> {
  const name = basename(path)
  if (LOCK.test(name)) return await breakLock(path)
  const isLock = LOCK_TEMPORARY.test(name)
  if (!isLock && !TEMPORARY.test(name)) return false
  const holder = isLock ? readHolder(path) : undefined
  const abandoned = holder ? holderState(holder) === 'gone' : isOld(path, clock)
  if (abandoned) await removeAbandoned(path)
  return abandoned
}

/** Does `work` under a lock that nobody holds at the moment; false when somebody does. */
export async function unlessLocked(path: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await withLock(path, { what: 'gc', waitMs: 0 }, work)
    return true
  } catch (error) {
    if (isMachineError(error) && error.code === 'locked') return false
    throw error
  }
}

export async function removeAbandoned(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    throw fileError('remove', path, error)
  }
}

/** All entries below a folder, a folder before what is in it. One that goes while we look is not there. */
export function readTree(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry, ...readTree(join(dir, entry.name))] : [entry],
    )
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return []
    throw fileError('read', dir, error)
  }
}

/** By the rules that everybody breaks a lock by: of two that find it only one does. */
async function breakLock(path: string): Promise<boolean> {
  const holder = readHolder(path)
  if (!holder || holderState(holder) !== 'gone') return false
  return await unlessLocked(path, () => Promise.resolve())
}

function isOld(path: string, clock: Clock): boolean {
  const changed = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs
  return changed !== undefined && clock.now().getTime() - changed > ABANDONED_MS
}
