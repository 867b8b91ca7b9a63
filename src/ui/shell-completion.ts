import type { ShellFacts } from './shell-facts.js'

/** What the command line of the program consists of, for shells to complete it without us. */
export interface CompletionTable {
  /** Words after the program: commands and groups of commands. */
  readonly commands: readonly CompletionWord[]
  /** Commands of a group, by its name. */
  readonly groups: Readonly<Record<string, readonly CompletionWord[]>>
  /** Flags of every command. */
  readonly globals: readonly CompletionWord[]
  /** Flags by command (`image build`), and those of one driver by `create DRIVER`. */
  readonly flags: Readonly<Record<string, readonly CompletionWord[]>>
  /** What follows a flag that takes a value. */
  readonly values: readonly FlagValue[]
  /** What follows a command; absent: nothing that could be completed. */
  readonly operands: Readonly<Record<string, Operand>>
  /** Words by the name that `FlagValue` and `Operand` have for them. */
  readonly lists: Readonly<Record<'drivers' | 'shells', readonly string[]>>
}

export interface CompletionWord {
  readonly word: string
  readonly summary: string
}

export interface FlagValue {
  /** `*` for every command that has the flag. */
  readonly command: string
  readonly flags: readonly string[]
  readonly kind: ValueKind
}

/** `any`: a value that only the user knows. */
export type ValueKind =
  'any' | 'file' | 'directory' | 'drivers' | 'shells' | { readonly of: readonly string[] }

/** `place`: a path here, or one on a machine (`MACHINE:PATH`). */
export type Operand = 'machine' | 'machines' | 'place' | 'file' | 'drivers' | 'shells'

/** A table's entry for a shell's `case`: all words under one key. */
export interface KeyedWords {
  readonly key: string
  readonly words: readonly CompletionWord[]
}

/** Every list of words that completion may need, by the key under which a script asks for it. */
export function keyedWords(table: CompletionTable): readonly KeyedWords[] {
  const plain = (words: readonly string[]) => words.map((word) => ({ word, summary: '' }))
  return [
    { key: 'commands', words: table.commands },
    { key: 'globals', words: table.globals },
    ...Object.entries(table.groups).map(([name, words]) => ({ key: `group ${name}`, words })),
    ...Object.entries(table.flags).map(([name, words]) => ({ key: `flags ${name}`, words })),
    ...Object.entries(table.lists).map(([key, words]) => ({ key, words: plain(words) })),
    ...table.values.flatMap(({ kind, flags }) =>
      typeof kind === 'object' ? [{ key: `of ${flags[0] ?? ''}`, words: plain(kind.of) }] : [],
    ),
  ].filter(({ words }) => words.length > 0)
}

/** What follows a flag, as a word for a script: the name of a kind, or the key of a list. */
export function kindWord({ kind, flags }: FlagValue): string {
  return typeof kind === 'object' ? `of ${flags[0] ?? ''}` : kind
}

export type Completion = (facts: Pick<ShellFacts, 'program'>, table: CompletionTable) => string
