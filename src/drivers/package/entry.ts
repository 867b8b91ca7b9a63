/** Where a driver package begins. */
import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { unusable } from './check.js'

/** Name, version and first file of a package. */
export interface PackageEntry {
  readonly file: string
  /** Absent for a single file. */
  readonly packageName?: string
  readonly version?: string
}

/**
 * The file that a directory with a `package.json`, or a path to a file itself, begins with.
 * @throws MachineError `driver` when there is none
 */
export function packageEntry(path: string): PackageEntry {
  const kind = kindOf(path)
  if (kind === 'file') return { file: resolve(path) }
  if (kind === undefined) throw unusable(path, 'there is nothing of that name')
  const manifest = readManifest(path)
  const main = mainOf(manifest)
  const file = join(path, main)
  if (kindOf(file) !== 'file')
    throw unusable(path, `its package.json names ${main}, which is not there`, ['npm run build'])
  const [name, version] = [manifest['name'], manifest['version']]
  return {
    file,
    ...(typeof name === 'string' ? { packageName: name } : {}),
    ...(typeof version === 'string' ? { version } : {}),
  }
}

type Manifest = Readonly<Record<string, unknown>>

function readManifest(dir: string): Manifest {
  let text: string
  try {
    text = readFileSync(join(dir, 'package.json'), 'utf8')
  } catch {
    throw unusable(dir, 'it has no package.json')
  }
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // Told below.
  }
  throw unusable(dir, 'its package.json is not a JSON object')
}

/** Of conditions within conditions. */
const DEEPEST = 16
const CONDITIONS = ['node', 'import', 'module-sync', 'default']

/** As Node reads it: `exports` before `main`. */
function mainOf(manifest: Manifest): string {
  const exported = target(manifest['exports'])
  if (exported !== undefined) return exported
  return typeof manifest['main'] === 'string' ? manifest['main'] : 'index.js'
}

function target(exports: unknown, depth = 0): string | undefined {
  if (typeof exports === 'string') return exports
  if (!isObject(exports) || depth > DEEPEST) return undefined
  if ('.' in exports) return target(exports['.'], depth + 1)
  const chosen = Object.keys(exports).find((key) => CONDITIONS.includes(key))
  return chosen === undefined ? undefined : target(exports[chosen], depth + 1)
}

function isObject(value: unknown): value is Manifest {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(path: string): 'file' | 'directory' | undefined {
  // A name with a NUL is none of a file.
  const found = path.includes('\0') ? undefined : statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  return found.isDirectory() ? 'directory' : 'file'
}
