/**
 * What killed programs leave in a store: locks that nobody releases, and files that never got their name. None of it stops
 * anybody, so it is looked for where leftovers are: in `gc`.
 */
import { type Dirent, lstatSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import { isMachineError } from '../contracts/errors.js'
import { errnoOf, fileError } from '../util/file-error.js'
import { acquireLock, holderState, readHolder } from '../util/locks.js'
import { StoreLayout } from './layout.js'

/** A file is written in milliseconds: one of this age has no writer any more. */
const ABANDONED_MS = 3_600_000

const LOCK = /\.(?:lock|writing|break)$/
const LOCK_TEMPORARY = /\.[0-9a-f]{24}\.tmp$/
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/
/** A machine's directory on its way in or out (`directories.ts`). */
const MOVING = /^\.(.+)\.(?:new|gone)-[0-9a-f]{12}$/

/**
 * Removes it. What a living program holds or writes stays, and so does what another computer does.
 * @returns paths of what was removed
 */
export async function sweepStore(root: string, clock: Clock): Promise<readonly string[]> {
  const swept: string[] = []
  for (const entry of readTree(root)) {
    const path = join(entry.parentPath, entry.name)
    if (await isSwept(root, path, entry, clock)) swept.push(path)
  }
  return swept
}

async function isSwept(root: string, path: string, entry: Dirent, clock: Clock): Promise<boolean> {
  const { machinesDir } = new StoreLayout(root)
  if (entry.isDirectory() && entry.parentPath === machinesDir) return await sweepMoving(root, path)
  if (!entry.isFile()) return false
  if (LOCK.test(entry.name)) return await breakLock(path)
  const isLock = LOCK_TEMPORARY.test(entry.name)
  if (!isLock && !TEMPORARY.test(entry.name)) return false
  const holder = isLock ? readHolder(path) : undefined
  const abandoned = holder ? holderState(holder) === 'gone' : isOld(path, clock)
  if (abandoned) await remove(path)
  return abandoned
}

/** By the rules that everybody breaks a lock by: of two that find it only one does. */
async function breakLock(path: string): Promise<boolean> {
  const holder = readHolder(path)
  if (!holder || holderState(holder) !== 'gone') return false
  return await underLock(path, () => Promise.resolve())
}

/** Whoever makes or removes a machine's directory holds its write lock meanwhile. */
async function sweepMoving(root: string, path: string): Promise<boolean> {
  const name = MOVING.exec(basename(path))?.[1]
  if (name === undefined) return false
  return await underLock(new StoreLayout(root).writeLock(name), () => remove(path))
}

/** False when somebody else holds it. */
async function underLock(path: string, work: () => Promise<void>): Promise<boolean> {
  try {
    const lock = await acquireLock(path, { what: 'gc', waitMs: 0 })
    try {
      await work()
    } finally {
      await lock.release()
    }
    return true
  } catch (error) {
    if (isMachineError(error) && error.code === 'locked') return false
    throw error
  }
}

function isOld(path: string, clock: Clock): boolean {
  const changed = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs
  return changed !== undefined && clock.now().getTime() - changed > ABANDONED_MS
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    throw fileError('remove', path, error)
  }
}

/** A folder that goes while we look is as good as swept. */
function readTree(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry, ...readTree(join(dir, entry.name))] : [entry],
    )
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return []
    throw fileError('read', dir, error)
  }
}
