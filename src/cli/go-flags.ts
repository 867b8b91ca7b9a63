import { MachineError } from '../contracts/errors.js'
import { goBoolean } from '../util/go-values.js'
import { nearest } from '../util/nearest.js'

/** What has to be known of a flag to read a command line; oclif's manifest has it for every command. */
export interface KnownFlag {
  readonly name: string
  readonly char?: string | undefined
  readonly takesValue: boolean
  /** Both spellings may be given: a list takes all values. */
  readonly list?: boolean | undefined
  /** `--no-NAME` exists, so that `--NAME=false` says something. */
  readonly negatable?: boolean | undefined
}

export interface CommandLine {
  /** The same words as oclif reads them: `--name=value`, `--name`, words, and from `--` on verbatim. */
  readonly words: string[]
  /** What is left where reading stopped at the first word that is no flag. */
  readonly rest: string[]
}

/**
 * Reads words as Go programs do: one dash or two, `--flag value` with any value, `--flag=false`, `--` ends flags; and,
 * as Go programs do not, flags before and after other words.
 * @throws MachineError `usage` for flags that are not known, lack a value or contradict each other
 */
export function readGoFlags(
  argv: readonly string[],
  known: readonly KnownFlag[],
  options: { readonly stopAtWord?: boolean; readonly stopAtUnknown?: boolean } = {},
): CommandLine {
  const reader = new Reader(known)
  const queue = [...argv]
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const isFlag = /^-./.test(word) && word !== '--'
    if (!isFlag && options.stopAtWord) return { words: reader.words, rest: [word, ...queue] }
    if (isFlag && options.stopAtUnknown && !reader.knows(word))
      return { words: reader.words, rest: [word, ...queue] }
    if (word === '--') return { words: [...reader.words, word, ...queue], rest: [] }
    if (isFlag) reader.flag(word, queue)
    else reader.words.push(word)
  }
  return { words: reader.words, rest: [] }
}

class Reader {
  readonly words: string[] = []
  readonly #byName = new Map<string, KnownFlag>()
  readonly #given = new Map<string, { readonly spelling: string; readonly value: string }>()

  constructor(known: readonly KnownFlag[]) {
    for (const flag of known) {
      this.#byName.set(flag.name, flag)
      if (flag.char !== undefined) this.#byName.set(flag.char, flag)
    }
  }

  knows(word: string): boolean {
    return this.#byName.has(nameOf(word))
  }

  /** Takes one flag, and its value from the queue when it is the next word. */
  flag(word: string, queue: string[]): void {
    const [, name = '', glued] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? []
    const flag = this.#byName.get(name)
    if (flag === undefined) return this.#unknown(word)
    if (!flag.takesValue) return this.#boolean(flag, name, glued)
    const value = glued ?? queue.shift()
    if (value === undefined) throw new MachineError('usage', `flag needs an argument: -${name}`)
    this.#once(flag, name, value)
    this.words.push(`--${flag.name}=${value}`)
  }

  #boolean(flag: KnownFlag, name: string, glued = 'true'): void {
    const value = goBoolean(glued)
    if (value === undefined)
      throw new MachineError('usage', `invalid boolean value "${glued}" for -${name}: parse error`)
    this.#once(flag, name, String(value))
    if (value) this.words.push(`--${flag.name}`)
    else if (flag.negatable) this.words.push(`--no-${flag.name}`)
  }

  /** Both spellings with different values leave open what is meant; of one spelling the last value counts. */
  #once(flag: KnownFlag, spelling: string, value: string): void {
    const before = this.#given.get(flag.name)
    if (before && before.spelling !== spelling && before.value !== value && !flag.list)
      throw new MachineError('usage', `Cannot use two forms of the same flag: ${before.spelling} ${spelling}`)
    this.#given.set(flag.name, { spelling, value })
  }

  /** `-fy` is `-f -y` where both are switches. */
  #unknown(word: string): void {
    const chars = [...word.slice(1)]
    const switches = chars.map((char) => this.#byName.get(char))
    const together =
      chars.length > 1 &&
      switches.every((flag, at) => flag !== undefined && flag.char === chars[at] && !flag.takesValue)
    if (!together) throw unknownFlag(word, [...this.#byName.values()])
    for (const flag of switches) if (flag) this.#boolean(flag, flag.char ?? flag.name)
  }
}

/** The words of Go programs, and the nearest flag that exists. */
export function unknownFlag(word: string, known: readonly KnownFlag[]): MachineError {
  const name = nameOf(word)
  const near = nearest(
    name,
    known.map((flag) => flag.name),
  )
  return new MachineError('usage', `flag provided but not defined: -${name}`, {
    hints: near === undefined ? [] : [`Did you mean --${near}?`],
  })
}

function nameOf(word: string): string {
  return /^--?([^=]*)/.exec(word)?.[1] ?? ''
}
