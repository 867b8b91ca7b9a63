/** A command line `[our flags] NAME [--] words for somebody else`. */
export interface PassedWords {
  readonly own: string[]
  readonly name?: string
  readonly passed: readonly string[]
}

const WITH_VALUE: readonly string[] = ['-s', '--storage-path']

/** Flags before the name are ours; everything after it is passed on verbatim, without the first `--`. */
export function splitPassedWords(argv: readonly string[]): PassedWords {
  let at = 0
  while (at < argv.length && argv[at]?.startsWith('-') && argv[at] !== '--')
    at += WITH_VALUE.includes(argv[at] ?? '') ? 2 : 1
  const own = argv.slice(0, at)
  const [name, ...rest] = argv.slice(at)
  if (name === undefined) return { own, passed: [] }
  if (name === '--') return { own, passed: rest }
  return { own, name, passed: rest[0] === '--' ? rest.slice(1) : rest }
}
