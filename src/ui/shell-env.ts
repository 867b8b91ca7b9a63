import { dialectOf } from './shell-dialects.js'

/** Variables to set (name and value) or to remove (name alone), and how the user runs us again. */
export interface EnvScript {
  readonly set: readonly (readonly [name: string, value: string])[]
  readonly unset: readonly string[]
  /** The command line as typed, for the hint: `tsmachine env web`; undefined when a comment cannot hold it. */
  readonly commandLine: string | undefined
  /** docker-machine's own hints. */
  readonly exactHints?: boolean
}

/** Shells that `env --shell` has a form for; any other name gets the POSIX form, as from docker-machine. */
export const SHELLS = [
  'bash',
  'zsh',
  'sh',
  'fish',
  'powershell',
  'cmd',
  'tcsh',
  'emacs',
  'nushell',
  'json',
] as const

/** The text that a shell evaluates. @throws MachineError `usage` for a value that this shell cannot hold */
export function renderEnv(shell: string, script: EnvScript): string {
  if (shell === 'json') return jsonText(jsonEnv(script))
  if (shell === 'nushell' || shell === 'nu') return jsonText(nushellEnv(script))
  const dialect = dialectOf(shell)
  const { commandLine, exactHints = false } = script
  const lines = [
    ...script.set.map(([name, value]) => dialect.set(name, value)),
    ...script.unset.map((name) => dialect.unset(name)),
    ...(commandLine === undefined ? [] : dialect.hint(commandLine, exactHints)),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** An object; removed variables are null. */
function jsonEnv(script: EnvScript): unknown {
  return Object.fromEntries([...script.set, ...script.unset.map((name) => [name, null] as const)])
}

/**
 * nushell evaluates no text, it takes data: `tsmachine env --shell nushell web | from json | load-env`, and
 * `hide-env --ignore-errors ...(tsmachine env --shell nushell -u | from json)`.
 */
function nushellEnv(script: EnvScript): unknown {
  return script.set.length > 0 ? Object.fromEntries(script.set) : script.unset
}

/**
 * The invocation for the hint, so that it can be typed again. As from docker-machine a program with a blank or a
 * backslash stands in double quotes; so do other words with them, and what those cannot hold in single ones.
 */
export function commandLine(argv: readonly string[]): string | undefined {
  return argv.some((word) => /[\r\n]/.test(word)) ? undefined : argv.map(typed).join(' ')
}

function typed(word: string): string {
  if (/^[\w@%+=:,./{}~-]+$/.test(word)) return word
  return /["$`!']/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : `"${word}"`
}
