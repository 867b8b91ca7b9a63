/**
 * The file system as this process sees it, with every operation that changes something announced first: what comes from
 * `node:fs` and `node:fs/promises` is replaced, file handles and streams too, so no code under test needs to know of it.
 * The announcement may throw: then the operation fails, after half of its work where the error is a `HalfDone`.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { type Change, type ChangeName, HalfDone, type Watch } from './file-changes.js'

type AnyFunction = (...args: never[]) => unknown
type Functions = Record<string, AnyFunction>

const sync = fs as unknown as Functions
const promised = fs.promises as unknown as Functions
const SYNC = { ...fs }
const REAL: Functions = { ...sync }
const PROMISED = { ...promised }
const descriptors = new Map<number, string>()
/** Descriptors that only read: their close loses nothing. */
const reading = new Set<number>()
let active: { readonly roots: readonly string[]; readonly watch: Watch } | undefined

/** Watches what happens below these directories while `work` runs. One at a time. */
export async function watchingFiles<T>(
  roots: readonly string[],
  watch: Watch,
  work: () => Promise<T>,
): Promise<T> {
  if (active) throw new Error('somebody watches already')
  active = { roots: roots.map((root) => resolve(root)), watch }
  for (const [name, make] of Object.entries(REPLACED)) {
    sync[name] = make(REAL[name] as AnyFunction)
  }
  for (const [name, make] of Object.entries(REPLACED_PROMISED))
    promised[name] = make(PROMISED[name] as AnyFunction)
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    for (const name of Object.keys(REPLACED)) sync[name] = REAL[name] as AnyFunction
    for (const name of Object.keys(REPLACED_PROMISED)) promised[name] = PROMISED[name] as AnyFunction
    syncBuiltinESMExports()
    descriptors.clear()
    reading.clear()
    active = undefined
  }
}

function isWatched(path: unknown): path is string {
  if (!active || (typeof path !== 'string' && !(path instanceof URL))) return false
  const full = resolve(String(path))
  return active.roots.some((root) => full === root || full.startsWith(`${root}/`))
}

/** Announces, lets it happen (half of it where so told), and announces that it did. */
function doing<T>(change: Change, act: () => T, half?: () => void): T {
  try {
    active?.watch.before?.(change)
  } catch (error) {
    if (error instanceof HalfDone) half?.()
    throw error
  }
  const done = (value: T): T => {
    active?.watch.after?.(change)
    return value
  }
  const result = act()
  return result instanceof Promise ? (result.then(done) as T) : done(result)
}

type Make = (real: AnyFunction) => AnyFunction
const call = (real: AnyFunction, args: readonly unknown[]): unknown => real(...(args as never[]))

/** Operations whose first word is the path, and whose second may be another. */
function onPath(name: ChangeName, half?: (path: string, args: readonly unknown[]) => void): Make {
  return (real) =>
    (...args: unknown[]) => {
      const [path, to] = args
      const at = isWatched(path) ? path : undefined
      const where = typeof to === 'string' && ['rename', 'link'].includes(name) ? to : undefined
      const seen = at ?? (isWatched(where) ? String(path) : undefined)
      if (seen === undefined) return call(real, args)
      const change = { name, path: seen, ...(where === undefined ? {} : { to: where }) }
      return doing(
        change,
        () => call(real, args),
        () => half?.(seen, args),
      )
    }
}

const asPromise =
  (make: Make): Make =>
  (real) => {
    const made = make(real)
    return async (...args: unknown[]) => await call(made, args)
  }

/** `symlink(target, path)`: the second word is what is made. */
const makesLink: Make =
  (real) =>
  (...args: unknown[]) => {
    const path = args[1]
    return isWatched(path) ? doing({ name: 'symlink', path }, () => call(real, args)) : call(real, args)
  }

/** Half of a removal: one entry of the directory is gone. */
function removeHalf(path: string): void {
  const isDirectory = SYNC['statSync'](path, { throwIfNoEntry: false })?.isDirectory()
  const [first] = isDirectory ? SYNC['readdirSync'](path) : []
  if (first !== undefined) SYNC['rmSync'](join(path, String(first)), { recursive: true })
}

const movesAll = (_: string, [from, to]: readonly unknown[]): void =>
  SYNC['renameSync'](String(from), String(to))
const linksAll = (_: string, [from, to]: readonly unknown[]): void =>
  SYNC['linkSync'](String(from), String(to))

/** Each directory that a recursive mkdir makes is one operation. */
const makesDirectory: Make =
  (real) =>
  (...args: unknown[]) => {
    const [path] = args
    if (!isWatched(path)) return call(real, args)
    const exists = SYNC['existsSync'](path)
    return exists ? call(real, args) : doing({ name: 'mkdir', path }, () => call(real, args))
  }

/** A new directory whose name is not known before: its parent stands for it. */
const makesUnnamed: Make =
  (real) =>
  (...args: unknown[]) => {
    const path = dirname(String(args[0]))
    return isWatched(path)
      ? doing({ name: 'mkdir', path: String(args[0]) }, () => call(real, args))
      : call(real, args)
  }

function isChanging(flags: unknown): boolean {
  if (typeof flags === 'number')
    return (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT)) !== 0
  return typeof flags === 'string' && /[wa+]/.test(flags)
}

function opened(path: string, flags: unknown): Change {
  return {
    name: 'open',
    path,
    ...(typeof flags === 'string' && flags.startsWith('w') ? { empties: true } : {}),
  }
}

const opensDescriptor: Make =
  (real) =>
  (...args: unknown[]) => {
    const [path, flags] = args
    if (!isWatched(path)) return call(real, args)
    const open = (): number => {
      const fd = call(real, args) as number
      descriptors.set(fd, path)
      if (!isChanging(flags)) reading.add(fd)
      return fd
    }
    return isChanging(flags) ? doing(opened(path, flags), open) : open()
  }

function half(data: unknown): Buffer {
  const bytes = Buffer.isBuffer(data)
    ? data
    : data instanceof Uint8Array
      ? Buffer.from(data)
      : Buffer.from(String(data))
  return bytes.subarray(0, Math.floor(bytes.length / 2))
}

function appendHalf(path: string, data: unknown): void {
  const fd = SYNC['openSync'](path, 'r+')
  try {
    SYNC['writeSync'](fd, half(data), 0)
  } finally {
    SYNC['closeSync'](fd)
  }
}

const onDescriptor =
  (name: ChangeName): Make =>
  (real) =>
  (...args: unknown[]) => {
    const path = descriptors.get(Number(args[0]))
    if (path === undefined) return call(real, args)
    if (name === 'close') descriptors.delete(Number(args[0]))
    if (name === 'close' && reading.delete(Number(args[0]))) return call(real, args)
    // The system keeps no descriptor of a failed close.
    const closed = (): void => void (name === 'close' && call(real, args))
    try {
      return doing(
        { name, path },
        () => call(real, args),
        () => name === 'write' && appendHalf(path, args[1]),
      )
    } catch (error) {
      if (typeof (error as { code?: unknown }).code === 'string' && name === 'close') closed()
      throw error
    }
  }

/** With a callback, as streams use them: they look the functions up in the module each time. */
const withCallback =
  (name: 'open' | 'write' | 'close' | 'sync'): Make =>
  (real) =>
  (...args: unknown[]) => {
    const callback = args.at(-1)
    const path = name === 'open' ? args[0] : descriptors.get(Number(args[0]))
    if (typeof callback !== 'function' || !isWatched(path) || (name === 'open' && !isChanging(args[1])))
      return call(real, args)
    const told = callback as (error: unknown, ...rest: unknown[]) => void
    const change = name === 'open' ? opened(path, args[1]) : { name, path }
    try {
      active?.watch.before?.(change)
    } catch (error) {
      if (name === 'close') return call(real, [args[0], () => told(error)])
      if (name === 'write' && error instanceof HalfDone) appendHalf(path, args[1])
      return process.nextTick(told, error)
    }
    const done = (error: unknown, ...rest: unknown[]): void => {
      if (!error) active?.watch.after?.(change)
      if (!error && name === 'open') descriptors.set(Number(rest[0]), path)
      told(error, ...rest)
    }
    return call(real, [...args.slice(0, -1), done])
  }

/** A whole file in one call is an open, a write and a close; into an open file, a write. */
function writesFileSync(): Make {
  return (real) =>
    (...args: unknown[]) => {
      const [path, data, options] = args
      if (typeof path === 'number') return onDescriptor('write')(real)(...(args as never[]))
      if (!isWatched(path)) return call(real, args)
      const flag = typeof options === 'object' && options ? (options as { flag?: string }).flag : undefined
      const mode = typeof options === 'object' && options ? (options as { mode?: number }).mode : undefined
      const fd = fs.openSync(path, flag ?? 'w', mode)
      try {
        fs.writeSync(fd, data as string)
      } finally {
        fs.closeSync(fd)
      }
      return undefined
    }
}

type Handle = fs.promises.FileHandle

const opensHandle: Make =
  (real) =>
  async (...args: unknown[]) => {
    const [path, flags] = args
    const open = async (): Promise<Handle> => (await call(real, args)) as Handle
    if (!isWatched(path)) return await open()
    const handle = isChanging(flags) ? await doing(opened(path, flags), open) : await open()
    return watchHandle(handle, path, isChanging(flags))
  }

const HANDLE: Readonly<Record<string, ChangeName>> = {
  writeFile: 'write',
  write: 'write',
  writev: 'write',
  appendFile: 'write',
  sync: 'sync',
  datasync: 'sync',
  close: 'close',
  truncate: 'truncate',
  utimes: 'stamp',
  chmod: 'stamp',
}

function watchHandle(handle: Handle, path: string, writes: boolean): Handle {
  const functions = handle as unknown as Functions
  for (const [property, name] of Object.entries(HANDLE)) {
    if (name === 'close' && !writes) continue
    const real: AnyFunction = (functions[property] as AnyFunction).bind(handle)
    functions[property] = async (...args: unknown[]): Promise<unknown> => {
      try {
        return await doing(
          { name, path },
          async () => await call(real, args),
          () => name === 'write' && appendHalf(path, args[0]),
        )
      } catch (error) {
        if (name === 'close') await (call(real, args) as Promise<unknown>).catch(() => undefined)
        throw error
      }
    }
  }
  return handle
}

const writesFile: Make =
  (real) =>
  async (...args: unknown[]) => {
    const [path, data, options] = args
    if (!isWatched(path)) return await call(real, args)
    const { flag = 'w', mode } = (typeof options === 'object' && options ? options : {}) as {
      flag?: string
      mode?: number
    }
    const file = await fs.promises.open(path, flag, mode)
    try {
      await file.writeFile(data as string)
    } finally {
      await file.close()
    }
  }

/** A copy is an open and a write; half of it is there when it fails. */
const copies =
  (isPromise: boolean): Make =>
  (real) =>
  (...args: unknown[]) => {
    const [from, to] = args
    if (!isWatched(to)) return call(real, args)
    const act = (): unknown => {
      active?.watch.before?.({ name: 'open', path: to, empties: true })
      const change: Change = { name: 'write', path: to }
      return doing(
        change,
        () => call(real, args),
        () => SYNC['writeFileSync'](to, half(SYNC['readFileSync'](String(from)))),
      )
    }
    return isPromise ? Promise.resolve().then(act) : act()
  }

const REPLACED: Readonly<Record<string, Make>> = {
  open: withCallback('open'),
  write: withCallback('write'),
  writev: withCallback('write'),
  fsync: withCallback('sync'),
  close: withCallback('close'),
  openSync: opensDescriptor,
  writeSync: onDescriptor('write'),
  fsyncSync: onDescriptor('sync'),
  closeSync: onDescriptor('close'),
  writeFileSync: writesFileSync(),
  copyFileSync: copies(false),
  renameSync: onPath('rename', movesAll),
  linkSync: onPath('link', linksAll),
  symlinkSync: makesLink,
  mkdirSync: makesDirectory,
  mkdtempSync: makesUnnamed,
  rmSync: onPath('remove', removeHalf),
  unlinkSync: onPath('remove'),
  rmdirSync: onPath('remove'),
  chmodSync: onPath('stamp'),
  utimesSync: onPath('stamp'),
  truncateSync: onPath('truncate'),
}

const REPLACED_PROMISED: Readonly<Record<string, Make>> = {
  open: opensHandle,
  writeFile: writesFile,
  copyFile: copies(true),
  rename: asPromise(onPath('rename', movesAll)),
  link: asPromise(onPath('link', linksAll)),
  symlink: asPromise(makesLink),
  mkdir: asPromise(makesDirectory),
  mkdtemp: asPromise(makesUnnamed),
  rm: asPromise(onPath('remove', removeHalf)),
  unlink: asPromise(onPath('remove')),
  rmdir: asPromise(onPath('remove')),
  chmod: asPromise(onPath('stamp')),
  utimes: asPromise(onPath('stamp')),
  truncate: asPromise(onPath('truncate')),
}
