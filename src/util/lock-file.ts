/**
 * Lock files: who holds one, whether that process is still there, and how one is made, broken and cleared away. Only
 * `locks.ts` and those who show locks use this.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { isMachineError } from '../contracts/errors.js'
import { errnoOf, fileError, hasNoLinks } from './file-error.js'
import { bootId, hostIdentity, type HostIdentity, processAlive, processStart } from './process.js'

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

/** This process as the holder of a lock that it is about to take. */
export function newHolder(what: string): LockHolder {
  const since = new Date().toISOString()
  return { ...thisProcess(), what, since, token: randomBytes(12).toString('hex') }
}

function thisProcess(): Omit<LockHolder, 'what' | 'since' | 'token'> {
  const startTime = processStart(process.pid) ?? ''
  return { ...hostIdentity(), bootId: bootId(), pid: process.pid, startTime }
}

declare global {
  /** Tokens of the locks that this process holds or tries to get: one set, however often this module is loaded. */
  var tsmachineLocks: Set<string> | undefined
}

export const ours = (): Set<string> => (globalThis.tsmachineLocks ??= new Set())

/** Whether nobody holds this: its process is gone, or it is this one, which has let go of it. */
function isLeftBehind(holder: LockHolder): boolean {
  if (holderState(holder) === 'gone') return true
  const { host, hostId, pidSpace, bootId: boot, pid, startTime } = holder
  const isOwn = isDeepStrictEqual({ host, hostId, pidSpace, bootId: boot, pid, startTime }, thisProcess())
  return isOwn && !ours().has(holder.token)
}

/**
 * One attempt. A file that nobody holds is replaced under a second lock (`PATH.break`, taken by these same rules), after
 * looking again that it is still the file so judged: of many that find it at once only one gets in.
 */
export function take(path: string, mine: LockHolder): boolean {
  const known = readHolder(path)
  if (known === undefined) return !existsSync(path) && makeExclusive(path, mine)
  // An answer that was lost: the server made the link, the client asked again and heard that it exists.
  if (known.token === mine.token) return true
  if (!isLeftBehind(known)) return false
  const guard = `${path}.break`
  if (!take(guard, mine)) return false
  try {
    if (readHolder(path)?.token !== known.token) return false
    withTemporary(path, mine, (temporary) => renameSync(temporary, path))
    removeQuietly(temporaryOf(path, known))
    return true
  } finally {
    removeQuietly(guard)
  }
}

/** Makes the file with its whole content at one instant; false when it exists. */
function makeExclusive(path: string, holder: LockHolder): boolean {
  try {
    withTemporary(path, holder, (temporary) => linkSync(temporary, path))
    return true
  } catch (error) {
    const cause = isMachineError(error) ? error.cause : error
    if (errnoOf(cause) === 'EEXIST') return readHolder(path)?.token === holder.token
    if (hasNoLinks(cause)) return makeWithoutLinks(path, holder)
    throw error
  }
}

function makeWithoutLinks(path: string, holder: LockHolder): boolean {
  try {
    writeHolder(path, holder, 'wx')
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return readHolder(path)?.token === holder.token
    throw fileError('write', path, error)
  }
}

function temporaryOf(path: string, { token }: LockHolder): string {
  return `${path}.${token}.tmp`
}

function withTemporary(path: string, holder: LockHolder, use: (temporary: string) => void): void {
  const temporary = temporaryOf(path, holder)
  try {
    // Nobody else has this name; one of our own that could not be removed is in nobody's way.
    writeHolder(temporary, holder, 'w')
    use(temporary)
  } catch (error) {
    throw fileError('write', path, error)
  } finally {
    removeQuietly(temporary)
  }
}

/** Forced to the disk: a power cut must not leave an empty lock, which nobody could judge. */
function writeHolder(path: string, holder: LockHolder, flags: 'w' | 'wx'): void {
  const file = openSync(path, flags, 0o600)
  try {
    writeFileSync(file, JSON.stringify(holder))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Removes a lock file. @throws MachineError `store` */
export function removeLockFile(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch (error) {
    throw fileError('remove', path, error)
  }
}

/** What cannot be removed now is removed with the next lock of this name. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // See `sweep`.
  }
}

/**
 * Removes what is left of processes that were killed while they wanted this lock, which is ours now. No failure: the next
 * holder tries again.
 */
export function sweep(path: string): void {
  const [dir, name] = [dirname(path), basename(path)]
  const isRest = (entry: string): boolean =>
    entry === `${name}.break` || (entry.startsWith(`${name}.`) && entry.endsWith('.tmp'))
  try {
    for (const rest of readdirSync(dir).filter(isRest)) {
      const holder = readHolder(join(dir, rest))
      if (holder ? isLeftBehind(holder) : isOld(join(dir, rest))) removeQuietly(join(dir, rest))
    }
  } catch {
    // A directory that cannot be listed.
  }
}

const OLD_MS = 3_600_000

/** Cut off within the microseconds of its writing, so that nobody knows whose it is. */
function isOld(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && Date.now() - found.mtimeMs > OLD_MS
}

function isHolder(value: unknown): value is LockHolder {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Record<string, unknown>
  const texts = ['host', 'hostId', 'pidSpace', 'bootId', 'startTime', 'what', 'since', 'token']
  return Number.isInteger(fields['pid']) && texts.every((key) => typeof fields[key] === 'string')
}
