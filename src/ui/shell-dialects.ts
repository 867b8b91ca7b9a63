import { MachineError } from '../contracts/errors.js'

/** How one shell writes variables. Shapes are docker-machine's; only values that need it get more quoting. */
export interface Dialect {
  readonly set: (name: string, value: string) => string
  readonly unset: (name: string) => string
  readonly hint: (commandLine: string, exact: boolean) => readonly string[]
}

const HINT = 'Run this command to configure your shell: '

/** What a shell cannot hold in a value is refused, never bent. */
function singleLine(shell: string, name: string, value: string, breaks = /[\r\n]/): string {
  if (!breaks.test(value)) return value
  throw new MachineError(
    'usage',
    `The value of ${name} cannot be written for ${shell}: it holds a line break`,
    {
      hints: ['Use another shell form, for example --shell json, or a store path without line breaks.'],
    },
  )
}

/** What `eval $(...)` without quotes, as docker-machine's hint has it, splits, joins or expands. */
const SPLIT_OR_EXPANDED = /[*?[\]\t\r\n]| {2}/

const posix: Dialect = {
  set: (name, value) =>
    SPLIT_OR_EXPANDED.test(value)
      ? `export ${name}="$(printf '${printfFormat(name, value)}')"`
      : `export ${name}="${value.replace(/[\\"$`]/g, '\\$&')}"`,
  unset: (name) => `unset ${name}`,
  hint: (command, exact) => [`# ${HINT}`, exact ? `# eval $(${command})` : `# eval "$(${command})"`],
}

/** A format that prints the value, in one line and without anything that a shell expands. */
function printfFormat(name: string, value: string): string {
  if (value.endsWith('\n')) singleLine('sh', name, value)
  return value.replace(/%/g, '%%').replace(/[^\w@%+=:,./\u0080-\u{10ffff} -]|(?<= ) |^-/gu, octal)
}

function octal(text: string): string {
  const bytes = [...Buffer.from(text)]
  return bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}

const fish: Dialect = {
  set: (name, value) =>
    `set -gx ${name} "${value
      .replace(/[\\"$]/g, '\\$&')
      .replaceAll('\r', '"\\r"')
      .replaceAll('\n', '"\\n"')}";`,
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

/** Between quotes `&`, `|`, `<`, `>` and `^` are text; the quotes are not part of the value. */
const cmd: Dialect = {
  set: (name, value) => {
    const setting = `${name}=${singleLine('cmd', name, value)}`
    return /[&|<>^()]/.test(value) ? `SET "${setting}"` : `SET ${setting}`
  },
  unset: (name) => `SET ${name}=`,
  hint: (command) => [`REM ${HINT}`, `REM \t@FOR /f "tokens=*" %i IN ('${command}') DO @%i`],
}

/**
 * csh expands `$`, backquotes, `!`, globs and braces before `eval` sees quotes, and splits at blanks: such values are
 * written in octal and put together by `printf`.
 */
const tcsh: Dialect = {
  set: (name, value) => {
    // It loses a NEL that comes from a command.
    singleLine('tcsh', name, value, /[\r\n\u0085]/)
    return /^[\w@%+=:,./-]*( [\w@%+=:,./-]+)*$/.test(value)
      ? `setenv ${name} "${value}";`
      : `setenv ${name} "\`printf '${octal(value)}'\`";`
  },
  unset: (name) => `unsetenv ${name};`,
  hint: (command) => [`: ${HINT}`, `: eval \`${command}\``],
}

const emacs: Dialect = {
  set: (name, value) => `(setenv "${name}" "${lispText(value)}")`,
  unset: (name) => `(setenv "${name}" nil)`,
  hint: (command) => [
    `;; ${HINT}`,
    `;; (with-temp-buffer (shell-command "${lispText(command)}" (current-buffer)) (eval-buffer))`,
  ],
}

function lispText(text: string): string {
  return text.replace(/[\\"]/g, '\\$&')
}

const DIALECTS: Readonly<Partial<Record<string, Dialect>>> = {
  fish,
  powershell,
  pwsh: powershell,
  cmd,
  tcsh,
  csh: tcsh,
  emacs,
}

/** Which of the forms that are kept for shells to read (docs/shell.md) one takes; undefined: none of them. */
export function keptFormOf(shell: string): KeptForm | undefined {
  if (['json', 'nushell', 'nu'].includes(shell)) return undefined
  const dialect = dialectOf(shell)
  return dialect === posix ? 'sh' : dialect === fish ? 'fish' : undefined
}

export type KeptForm = 'sh' | 'fish'

/** The form of a shell; any that has none of its own gets the POSIX one, as from docker-machine. */
export function dialectOf(shell: string): Dialect {
  return (Object.hasOwn(DIALECTS, shell) ? DIALECTS[shell] : undefined) ?? posix
}
