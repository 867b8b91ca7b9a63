/**
 * Locks between processes: a file that exists while one of them works. It names its holder, so that a lock left behind
 * by a killed process is broken, and only then.
 */
import { dirname } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import { isMachineError, MachineError } from '../contracts/errors.js'
import { makePrivateDir } from './atomic-file.js'
import {
  describeHolder,
  holderState,
  type LockHolder,
  newHolder,
  ours,
  readHolder,
  removeLockFile,
  sweep,
  take,
} from './lock-file.js'
import { pending, waitFor } from './wait.js'

export { describeHolder, holderState, type LockHolder, readHolder } from './lock-file.js'

export interface Lock {
  readonly path: string
  readonly holder: LockHolder
  /** Ends the lock. Harmless when called twice. */
  release(): Promise<void>
}

export interface LockOptions {
  /** What the holder is doing, for those who wait: `create web`. */
  readonly what: string
  /** Machine concerned, for the error. */
  readonly machine?: string
  /** Milliseconds to wait for another holder; 30 s when absent, 0 tries once. */
  readonly waitMs?: number
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

const WAIT_MS = 30_000
const FIRST_INTERVAL_MS = 20
const MAX_INTERVAL_MS = 250

/**
 * Takes a lock, waiting for its holder.
 * @throws MachineError `locked` naming the holder when the wait ends; `store` when the file cannot be made
 */
export async function acquireLock(path: string, options: LockOptions): Promise<Lock> {
  await makePrivateDir(dirname(path))
  const mine = newHolder(options.what)
  ours().add(mine.token)
  try {
    if (!take(path, mine)) await untilTaken(path, mine, options)
    sweep(path)
    return newLock(path, mine)
  } catch (error) {
    ours().delete(mine.token)
    throw error
  }
}

async function untilTaken(path: string, mine: LockHolder, options: LockOptions): Promise<void> {
  try {
    await waitFor(`lock ${path}`, () => Promise.resolve(take(path, mine) || pending('held')), {
      deadlineMs: options.waitMs ?? WAIT_MS,
      intervalMs: FIRST_INTERVAL_MS,
      maxIntervalMs: MAX_INTERVAL_MS,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.clock ? { clock: options.clock } : {}),
    })
  } catch (error) {
    if (isMachineError(error) && error.code === 'timeout') throw lockedError(path, options)
    throw error
  }
}

/** Runs `work` under a lock; see `acquireLock`. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const lock = await acquireLock(path, options)
  let result: T
  try {
    result = await work()
  } catch (error) {
    // What went wrong first is what the user has to know.
    await lock.release().catch(() => undefined)
    throw error
  }
  await lock.release()
  return result
}

function newLock(path: string, holder: LockHolder): Lock {
  return {
    path,
    holder,
    release: () =>
      // What fails in here is rejected, not thrown: callers catch it behind an error of their own.
      new Promise((resolve) => {
        // A file that cannot be removed now is none of a holder any more: see `isLeftBehind`.
        ours().delete(holder.token)
        if (readHolder(path)?.token === holder.token) removeLockFile(path)
        resolve()
      }),
  }
}

function lockedError(path: string, options: LockOptions): MachineError {
  const holder = readHolder(path)
  const subject = options.machine === undefined ? path : `Machine "${options.machine}"`
  return new MachineError(
    'locked',
    `${subject} is locked by ${holder ? describeHolder(holder) : 'an unreadable lock file'}`,
    {
      hints: [lockedHint(path, holder)],
      ...(options.machine === undefined ? {} : { machine: options.machine }),
    },
  )
}

function lockedHint(path: string, holder: LockHolder | undefined): string {
  if (holder && holderState(holder) === 'alive') return `Wait until it is done, or end it: kill ${holder.pid}`
  if (holder) return `If that process no longer runs on ${holder.host}: rm '${path}'`
  return `If no other tsmachine runs on this store: rm '${path}'`
}
