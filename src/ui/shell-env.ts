import { MachineError } from '../contracts/errors.js'

/** Variables to set (name and value) or to remove (name alone), and how the user runs us again. */
export interface EnvScript {
  readonly set: readonly (readonly [name: string, value: string])[]
  readonly unset: readonly string[]
  /** The command line as typed, for the hint: `tsmachine env web`. */
  readonly commandLine: string
  /** docker-machine's own hints, whose unquoted `eval $(...)` mangles values with blanks in a row. */
  readonly exactHints?: boolean
}

/** How one shell writes variables. Shapes are docker-machine's; only values that need it get more quoting. */
interface Dialect {
  readonly set: (name: string, value: string) => string
  readonly unset: (name: string) => string
  readonly hint: (commandLine: string, exact: boolean) => readonly string[]
}

const HINT = 'Run this command to configure your shell: '

const posix: Dialect = {
  set: (name, value) => `export ${name}="${value.replace(/[\\"$`]/g, '\\$&')}"`,
  unset: (name) => `unset ${name}`,
  hint: (command, exact) => [`# ${HINT}`, exact ? `# eval $(${command})` : `# eval "$(${command})"`],
}

/** What emacs, PowerShell and others cannot hold in a value is refused, never bent. */
function refuse(shell: string, name: string): never {
  throw new MachineError(
    'usage',
    `The value of ${name} cannot be written for ${shell}: it holds a line break`,
    {
      hints: ['Use another shell form, for example --shell json, or a store path without line breaks.'],
    },
  )
}

function singleLine(shell: string, name: string, value: string): string {
  return /[\r\n]/.test(value) ? refuse(shell, name) : value
}

const fish: Dialect = {
  set: (name, value) => `set -gx ${name} "${value.replace(/[\\"$]/g, '\\$&').replaceAll('\n', '"\\n"')}";`,
  unset: (name) => `set -e ${name};`,
  hint: (command, exact) => [`# ${HINT}`, exact ? `# eval (${command})` : `# ${command} | source`],
}

const powershell: Dialect = {
  set: (name, value) =>
    `$Env:${name} = "${value
      .replace(/[`"$\u201c\u201d\u201e]/g, '`$&')
      .replaceAll('\r', '`r')
      .replaceAll('\n', '`n')}"`,
  unset: (name) => `Remove-Item Env:\\\\${name}`,
  hint: (command) => [`# ${HINT}`, `# & ${command} | Invoke-Expression`],
}

const cmd: Dialect = {
  set: (name, value) => `SET ${name}=${singleLine('cmd', name, value)}`,
  unset: (name) => `SET ${name}=`,
  hint: (command) => [`REM ${HINT}`, `REM \t@FOR /f "tokens=*" %i IN ('${command}') DO @%i`],
}

/**
 * csh expands `$`, backquotes, `!`, globs and braces before `eval` sees quotes, and splits at blanks: such values are
 * written in octal and put together by `printf`.
 */
const tcsh: Dialect = {
  set: (name, value) => {
    singleLine('tcsh', name, value)
    return /^[\w@%+=:,./-]*( [\w@%+=:,./-]+)*$/.test(value)
      ? `setenv ${name} "${value}";`
      : `setenv ${name} "\`printf '${octal(value)}'\`";`
  },
  unset: (name) => `unsetenv ${name};`,
  hint: (command) => [`: ${HINT}`, `: eval \`${command}\``],
}

function octal(value: string): string {
  const bytes = [...Buffer.from(value)]
  return bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}

const emacs: Dialect = {
  set: (name, value) => `(setenv "${name}" "${value.replace(/[\\"]/g, '\\$&')}")`,
  unset: (name) => `(setenv "${name}" nil)`,
  hint: (command) => [
    `;; ${HINT}`,
    `;; (with-temp-buffer (shell-command "${command}" (current-buffer)) (eval-buffer))`,
  ],
}

const DIALECTS: Readonly<Record<string, Dialect>> = { fish, powershell, cmd, tcsh, emacs }

/** Shells that `env --shell` knows; any other name gets the POSIX form, as docker-machine does. */
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
  if (shell === 'json') return jsonEnv(script)
  if (shell === 'nushell' || shell === 'nu') return nushellEnv(script)
  const dialect = DIALECTS[shell] ?? posix
  const lines = [
    ...script.set.map(([name, value]) => dialect.set(name, value)),
    ...script.unset.map((name) => dialect.unset(name)),
    ...dialect.hint(script.commandLine, script.exactHints ?? false),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** A JSON object; removed variables are null. */
function jsonEnv(script: EnvScript): string {
  const entries = [...script.set, ...script.unset.map((name) => [name, null] as const)]
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`
}

/** nushell evaluates no text: `tsmachine env --shell nushell web | from json | load-env`. */
function nushellEnv(script: EnvScript): string {
  if (script.set.length > 0) return `${JSON.stringify(Object.fromEntries(script.set), undefined, 2)}\n`
  return script.unset.map((name) => `hide-env --ignore-errors ${name}\n`).join('')
}

/** The shell to write for: what the user said, else the name of `$SHELL`; undefined when neither says. */
export function detectShell(
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
  given?: string,
): string | undefined {
  if (given) return given
  if (env['__fish_bin_dir']) return 'fish'
  const name = (env['SHELL'] ?? '').split(/[\\/]/).at(-1)
  if (name) return name.replace(/\.exe$/, '')
  if (platform !== 'win32') return undefined
  return env['PSModulePath'] && !env['PROMPT'] ? 'powershell' : 'cmd'
}

/** The invocation for the hint; docker-machine quotes the program if it has a blank or a backslash. */
export function commandLine(argv: readonly string[]): string {
  const [program = '', ...rest] = argv
  return [/[ \\]/.test(program) ? `"${program}"` : program, ...rest].join(' ')
}
