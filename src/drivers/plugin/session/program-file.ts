/** What is wrong with a plugin's file, before or after it was tried to start it. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { MachineError, messageOf } from '../../../contracts/errors.js'

/** How programs begin: a script, ELF, Mach-O of either byte order, and several of them in one, PE. */
const BEGINNINGS = [
  '2321',
  '7f454c46',
  'feedface',
  'feedfacf',
  'cefaedfe',
  'cffaedfe',
  'cafebabe',
  'bebafeca',
  '4d5a',
]

interface PluginFile {
  readonly driver: string
  readonly program: string
}

/**
 * A file of another kind would be run by `/bin/sh`, line for line.
 * @throws MachineError `driver` for a file that is no program
 */
export function requireProgram({ driver, program }: PluginFile): void {
  if (process.platform === 'win32') return
  const start = beginning(program)
  // What may be started need not be readable.
  if (start === undefined || BEGINNINGS.some((each) => start.startsWith(each))) return
  throw new MachineError('driver', `The plugin of driver ${driver} is no program (${program})`, {
    hints: [`It is neither a binary nor begins with #!. Install the plugin again: ${program}`],
  })
}

/** Why a plugin's program was not started, and what to look at. */
export function startFailure({ program }: PluginFile, error: unknown): { how: string; hints: string[] } {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  // The file is there: what is missing is what its first line, or its header, names.
  if (code === 'ENOENT' && existsSync(program))
    return {
      how: 'could not be started: its interpreter is missing',
      hints: [`What interprets it: head -n 1 ${program}; for a binary: file ${program}`],
    }
  return {
    how: `could not be started: ${messageOf(error)}`,
    hints: [`Is it made for this computer? file ${program}`],
  }
}

function beginning(path: string): string | undefined {
  const bytes = Buffer.alloc(4)
  try {
    const file = openSync(path, 'r')
    try {
      return bytes.toString('hex', 0, readSync(file, bytes, 0, bytes.length, 0))
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}
