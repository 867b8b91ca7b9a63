import { closeSync, lstatSync, openSync, readlinkSync, readSync, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, dirname, resolve } from 'node:path'
import { findProgram } from './find-program.js'
import { ownProgram } from './own-program.js'

type Environment = Readonly<Record<string, string | undefined>>

/** In the first lines of the scripts that stand for links on Windows. */
export const SCRIPT_MARK = 'rem tsmachine shim'

/** The program of any copy of ours: of a checkout, of an installed package, or the single executable. */
export function isOwnCopy(path: string): boolean {
  if (/^tsmachine(?!-driver)\b/.test(basename(path))) return true
  return basename(path) === 'run.cjs' && basename(dirname(path)) === 'bin' && /tsmachine/.test(path)
}

/** Whether who starts this path starts us, or another copy of us: by a link of any kind, or by our script. */
export function leadsToUs(path: string): boolean {
  try {
    const real = realpathSync(path)
    if (real === realpathSync(ownProgram()) || isOwnCopy(real) || sameFile(real, ownProgram())) return true
    return beginning(real).includes(SCRIPT_MARK)
  } catch {
    return isLink(path) && isOwnCopy(readlinkSync(path))
  }
}

/** Directories of PATH in its order, each once. */
export function pathDirs(env: Environment): readonly string[] {
  return [...new Set((env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== ''))]
}

/** Absolute path of the first program of this name on PATH that does not lead to us. */
export function foreignProgram(name: string, env: Environment): string | undefined {
  for (const dir of pathDirs(env)) {
    const path = findProgram(name, { ...env, PATH: dir })
    if (path !== undefined && !leadsToUs(path)) return resolve(path)
  }
  return undefined
}

/** A hard link has no other path to tell it by. */
function sameFile(a: string, b: string): boolean {
  const [one, other] = [statSync(a, { bigint: true }), statSync(b, { bigint: true })]
  return one.ino !== 0n && one.ino === other.ino && one.dev === other.dev
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}

function beginning(path: string): string {
  const bytes = Buffer.alloc(256)
  const file = openSync(path, 'r')
  try {
    return bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(file)
  }
}
