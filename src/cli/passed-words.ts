import { KNOWN_GLOBALS } from './global-flags.js'
import { readGoFlags } from './go-flags.js'

/** A command line `[our flags] NAME [--] words for somebody else`. */
export interface PassedWords {
  readonly own: string[]
  readonly name?: string
  readonly passed: readonly string[]
}

/** Flags before the name are ours; everything after it is passed on verbatim, a `--` too: what follows it is no option. */
export function splitPassedWords(argv: readonly string[]): PassedWords {
  const { words: own, rest } = readGoFlags(argv, KNOWN_GLOBALS, { stopAtWord: true })
  const [name, ...passed] = rest
  if (name === undefined) return { own, passed: [] }
  return name === '--' ? { own, passed: rest } : { own, name, passed }
}
