import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, extname, isAbsolute, join } from 'node:path'

/** Absolute path of a program on PATH (or the given path itself when it can be executed); undefined when missing. */
export function findProgram(
  name: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  if (isAbsolute(name) || name.includes('/')) return isExecutable(name) ? name : undefined
  const suffixes = process.platform === 'win32' ? ['', ...(env['PATHEXT'] ?? '.EXE;.CMD').split(';')] : ['']
  for (const directory of (env['PATH'] ?? '').split(delimiter).filter(Boolean))
    for (const suffix of suffixes) {
      const path = join(directory, name + suffix)
      if (isExecutable(path) && (process.platform !== 'win32' || extname(path))) return path
    }
  return undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
