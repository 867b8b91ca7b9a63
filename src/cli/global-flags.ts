import { Flags } from '@oclif/core'
import { MachineError } from '../contracts/errors.js'
import type { GlobalOptions } from './session.js'

/** Flags of every command. docker-machine takes the first two only before the command; both places work here. */
export const GLOBAL_FLAGS = {
  debug: Flags.boolean({
    char: 'D',
    summary: 'Say in detail what is done, on stderr. [env: MACHINE_DEBUG]',
    helpGroup: 'GLOBAL',
  }),
  'storage-path': Flags.string({
    char: 's',
    helpValue: 'DIR',
    summary: 'Where machines are kept. [env: MACHINE_STORAGE_PATH, default: ~/.docker/machine]',
    helpGroup: 'GLOBAL',
  }),
  json: Flags.boolean({
    summary: 'Answer with one JSON document alone on stdout.',
    helpGroup: 'GLOBAL',
  }),
}

const BOOLEANS: Readonly<Record<string, 'debug' | 'json'>> = {
  '-D': 'debug',
  '--debug': 'debug',
  '--json': 'json',
}
const PATHS: readonly string[] = ['-s', '--storage-path']

/** Global flags in front of the command, and what remains. @throws MachineError `usage` when a value is missing */
export function takeLeadingGlobals(argv: readonly string[]): {
  globals: Partial<GlobalOptions>
  rest: string[]
} {
  let globals: Partial<GlobalOptions> = {}
  const rest = [...argv]
  for (;;) {
    const [word, value] = rest
    const boolean = word === undefined ? undefined : BOOLEANS[word]
    if (word === undefined) break
    if (boolean) {
      globals = { ...globals, [boolean]: true }
      rest.shift()
    } else if (PATHS.includes(word)) {
      if (value === undefined) throw new MachineError('usage', `flag needs an argument: ${word}`)
      globals = { ...globals, storagePath: value }
      rest.splice(0, 2)
    } else if (word.startsWith('--storage-path=')) {
      globals = { ...globals, storagePath: word.slice('--storage-path='.length) }
      rest.shift()
    } else break
  }
  return { globals, rest }
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE = new Set(['', '0', 'f', 'F', 'false', 'FALSE', 'False'])

/** MACHINE_DEBUG as docker-machine reads it. @throws MachineError `usage` for anything but a Go boolean */
export function debugFromEnvironment(value = ''): boolean {
  if (TRUE.has(value)) return true
  if (FALSE.has(value)) return false
  throw new MachineError(
    'usage',
    `Error parsing boolean value from MACHINE_DEBUG: "${value}" is not true or false`,
  )
}
