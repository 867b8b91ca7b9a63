/**
 * Locks between processes: a file that exists while one of them works. It names its holder, so that a lock left behind
 * by a killed process is broken, and only then.
 */
import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../contracts/clock.js'
import { isMachineError, MachineError } from '../contracts/errors.js'
import { makePrivateDir } from './atomic-file.js'
import { errnoOf, fileError } from './file-error.js'
import { bootId, hostIdentity, type HostIdentity, processAlive, processStart } from './process.js'
import { pending, waitFor } from './wait.js'

/** Content of a lock file. */
export interface LockHolder extends HostIdentity {
  readonly bootId: string
  readonly pid: number
  readonly startTime: string
  /** What it is doing: `create web`. */
  readonly what: string
  /** ISO 8601. */
  readonly since: string
  /** Random: names this very acquisition. */
  readonly token: string
}

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
  if (take(path, mine)) return newLock(path, mine)
  try {
    return await waitFor(
      `lock ${path}`,
      () => Promise.resolve(take(path, mine) ? newLock(path, mine) : pending('held')),
      {
        deadlineMs: options.waitMs ?? WAIT_MS,
        intervalMs: FIRST_INTERVAL_MS,
        maxIntervalMs: MAX_INTERVAL_MS,
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.clock ? { clock: options.clock } : {}),
      },
    )
  } catch (error) {
    if (isMachineError(error) && error.code === 'timeout') throw lockedError(path, options)
    throw error
  }
}

/** Runs `work` under a lock; see `acquireLock`. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const lock = await acquireLock(path, options)
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

/** Who holds a lock; undefined when nobody does or the file is not one of ours. */
export function readHolder(path: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isHolder(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** `gone` is a proof; `elsewhere` (another computer or container) can never be judged from here. */
export function holderState(holder: LockHolder): 'alive' | 'gone' | 'elsewhere' {
  const here = hostIdentity()
  if (holder.host !== here.host || holder.hostId !== here.hostId) return 'elsewhere'
  if (holder.bootId !== bootId()) return 'gone'
  if (holder.pidSpace !== here.pidSpace) return 'elsewhere'
  return processAlive({ pid: holder.pid, startTime: holder.startTime || undefined }) ? 'alive' : 'gone'
}

/** The holder in words: `create web (process 71 on laptop, since 2026-01-01T00:00:00.000Z)`. */
export function describeHolder(holder: LockHolder): string {
  return `${holder.what} (process ${holder.pid} on ${holder.host}, since ${holder.since})`
}

function newHolder(what: string): LockHolder {
  return {
    ...hostIdentity(),
    bootId: bootId(),
    pid: process.pid,
    startTime: processStart(process.pid) ?? '',
    what,
    since: new Date().toISOString(),
    token: randomBytes(12).toString('hex'),
  }
}

function newLock(path: string, holder: LockHolder): Lock {
  return {
    path,
    holder,
    release: () => {
      if (readHolder(path)?.token === holder.token) rmSync(path, { force: true })
      return Promise.resolve()
    },
  }
}

/**
 * One attempt. A dead holder's file is replaced under a second lock (`PATH.break`, taken by these same rules), after
 * looking again that it is still the file judged dead: of many that find it at once only one gets in.
 */
function take(path: string, mine: LockHolder): boolean {
  if (createExclusive(path, mine)) return true
  const stale = readHolder(path)
  if (!stale || holderState(stale) !== 'gone') return false
  const guard = `${path}.break`
  if (!take(guard, mine)) return false
  try {
    if (readHolder(path)?.token !== stale.token) return false
    replace(path, mine)
    return true
  } finally {
    rmSync(guard, { force: true })
  }
}

/** Makes the file with its whole content at one instant; false when it exists. */
function createExclusive(path: string, holder: LockHolder): boolean {
  return withTemporary(path, holder, (temporary) => {
    try {
      linkSync(temporary, path)
      return true
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false
      if (NO_LINKS.includes(errnoOf(error) ?? '')) return createWithoutLinks(path, holder)
      throw fileError('write', path, error)
    }
  })
}

/** What link(2) says on file systems without hard links (FAT, some network ones). */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

function createWithoutLinks(path: string, holder: LockHolder): boolean {
  try {
    writeFileSync(path, JSON.stringify(holder), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw fileError('write', path, error)
  }
}

function replace(path: string, holder: LockHolder): void {
  withTemporary(path, holder, (temporary) => renameSync(temporary, path))
}

function withTemporary<T>(path: string, holder: LockHolder, use: (temporary: string) => T): T {
  const temporary = `${path}.${holder.token}.tmp`
  try {
    writeFileSync(temporary, JSON.stringify(holder), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    throw fileError('write', path, error)
  }
  try {
    return use(temporary)
  } finally {
    rmSync(temporary, { force: true })
  }
}

function isHolder(value: unknown): value is LockHolder {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Record<string, unknown>
  const texts = ['host', 'hostId', 'pidSpace', 'bootId', 'startTime', 'what', 'since', 'token']
  return Number.isInteger(fields['pid']) && texts.every((key) => typeof fields[key] === 'string')
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
