import { existsSync } from 'node:fs'
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { isElf, parseElf } from './elf.js'

/** Where Debian keeps shared libraries, below the root of an unpacked package. */
export const LIBRARY_DIRS = [
  'usr/lib/x86_64-linux-gnu',
  'lib/x86_64-linux-gnu',
  'usr/lib64',
  'lib64',
] as const

/** What an ELF file asks the loader for; undefined when the file is not an ELF file. */
export async function neededLibraries(file: string): Promise<string[] | undefined> {
  const handle = await open(file, 'r')
  try {
    const head = Buffer.alloc(64)
    await handle.read(head, 0, 64, 0)
    if (!isElf(head)) return undefined
  } finally {
    await handle.close()
  }
  return parseElf(await readFile(file)).needed
}

/**
 * All libraries that `programs` need, directly or not, as name -> file found below one of `roots`
 * (unpacked packages). Throws naming the library and who asks for it.
 */
export async function libraryClosure(
  programs: readonly string[],
  roots: readonly string[],
): Promise<Map<string, string>> {
  const dirs = roots
    .flatMap((root) => LIBRARY_DIRS.map((dir) => path.join(root, dir)))
    .filter((dir) => existsSync(dir))
  const found = new Map<string, string>()
  const queue = [...programs]
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    for (const name of (await neededLibraries(file)) ?? []) {
      if (found.has(name)) continue
      const home = dirs.find((dir) => existsSync(path.join(dir, name)))
      if (!home) throw new Error(`library ${name} is missing, ${path.basename(file)} needs it`)
      const library = await realpath(path.join(home, name))
      found.set(name, library)
      queue.push(library)
    }
  }
  return found
}

/** Every regular file below `dir`, as absolute paths, sorted. */
export async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
  return files.sort()
}

/** True when the file may be executed. */
export async function isExecutable(file: string): Promise<boolean> {
  return ((await stat(file)).mode & 0o111) !== 0
}
