import { writeFileSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { type FileOps, realFileOps } from '../../src/util/atomic-file.js'

/** What one `writeFileAtomic` does, in order; the last three force the directory to the disk. */
export const OPERATIONS = ['open', 'write', 'sync', 'close', 'rename', 'open', 'sync', 'close'] as const

export interface CountedOps {
  readonly ops: FileOps
  /** Operations begun so far. */
  count(): number
}

/** Real file operations, each announced to `before` with its number (from 1) and its file. */
export function countedOps(before: (count: number, operation: string, path: string) => void): CountedOps {
  let count = 0
  const step = (operation: string, path: unknown): void => before(++count, operation, String(path))
  const ops: FileOps = {
    open: async (path, flags, mode) => {
      step('open', path)
      return watched(await realFileOps.open(path, flags, mode), (operation) => step(operation, path))
    },
    rename: async (from, to) => {
      step('rename', from)
      await realFileOps.rename(from, to)
    },
    mkdir: ((...args: Parameters<FileOps['mkdir']>) => {
      step('mkdir', args[0])
      return realFileOps.mkdir(...args)
    }) as FileOps['mkdir'],
    rm: async (path, options) => {
      step('rm', path)
      await realFileOps.rm(path, options)
    },
  }
  return { ops, count: () => count }
}

/** Operations of which the n-th fails as the system would; clearing up afterwards works. */
export function failingOps(fault: { at: number; code: string }): CountedOps {
  return countedOps((count) => {
    if (count === fault.at) throw Object.assign(new Error(`${fault.code}: injected`), { code: fault.code })
  })
}

/** Operations before the n-th of which this process ends itself as kill -9 would; a write gets half way first. */
export function killingOps(at: number): CountedOps {
  return countedOps((count, operation, path) => {
    if (count !== at) return
    if (operation === 'write') writeFileSync(path, '{ "half')
    process.kill(process.pid, 'SIGKILL')
  })
}

function watched(file: FileHandle, step: (operation: string) => void): FileHandle {
  const names: Readonly<Record<string, string>> = { writeFile: 'write', sync: 'sync', close: 'close' }
  return new Proxy(file, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]): Promise<unknown> => {
        const name = names[String(property)]
        try {
          if (name) step(name)
        } catch (error) {
          // The file is closed all the same: the system keeps no descriptor of a failed close.
          if (name === 'close') await target.close()
          throw error
        }
        return (await value.apply(target, args)) as unknown
      }
    },
  })
}
