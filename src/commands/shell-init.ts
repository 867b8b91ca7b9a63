import { isAbsolute, resolve } from 'node:path'
import { Args } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { completionTable } from '../cli/completion-table.js'
import { detectShell, parentOnWindows } from '../cli/detect-shell.js'
import { keptFormOf } from '../ui/shell-dialects.js'
import { FUNCTION_SHELLS, type FunctionShell, type ShellFacts } from '../ui/shell-facts.js'
import { shellInit } from '../ui/shell-init.js'
import { storePath } from '../util/paths.js'

/** Shells that take the functions of another. */
const ALSO: Readonly<Partial<Record<string, FunctionShell>>> = {
  dash: 'sh',
  ash: 'sh',
  busybox: 'sh',
  ksh: 'sh',
  ksh93: 'sh',
  yash: 'sh',
}

export default class ShellInit extends BaseCommand {
  static override summary =
    'Print functions and completion for a shell: quick env, use in this shell, the prompt.'
  static override description = [
    'The script gives the shell it is evaluated in:',
    '- env NAME, answered from a file that is kept beside the record, without starting a program',
    '- use NAME, which also counts in this shell; use --shell NAME for this shell alone, use --shell -u to end that',
    '- __tsmachine_ps1 [FORMAT] for prompts: the machine that the shell is at',
    '- completion of commands, flags, drivers and machines (bash, zsh, fish)',
    'sh stands for dash, busybox, ksh and yash too: the functions alone. Put the line into ~/.bashrc, ~/.zshrc (after',
    "compinit) or ~/.config/fish/config.fish. A prompt of bash: PS1='\\w$(__tsmachine_ps1)\\$ '",
  ].join('\n')
  static override usage = 'shell-init [FLAGS] [bash|zsh|fish|sh]'
  static override strict = false
  static override args = {
    shell: Args.string({ description: 'Shell to write for (default: $SHELL)', ignoreStdin: true }),
  }
  static override examples = [
    'eval "$(<%= config.bin %> shell-init bash)"',
    'eval "$(<%= config.bin %> shell-init zsh)"',
    '<%= config.bin %> shell-init fish | source',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(ShellInit)
    this.takeGlobals(flags)
    const [given, ...extra] = words(argv)
    if (extra.length > 0) throw this.usage('Error: Expected one shell as an argument')
    const shell = this.functionShell(given ?? (await this.shellHere()) ?? '')
    const script = shellInit(shell, await this.facts(), completionTable(this.config))
    this.answer({ shell, script }, script)
  }

  private async shellHere(): Promise<string | undefined> {
    const { env } = this.session
    return await detectShell({ env, platform: process.platform, parent: parentOnWindows })
  }

  private functionShell(name: string): FunctionShell {
    const shell = FUNCTION_SHELLS.find((known) => known === (ALSO[name] ?? name))
    if (shell === undefined) {
      const what = name === '' ? 'Unknown shell' : `There is nothing for the shell "${name}"`
      throw this.usage(`Error: ${what}`, `Say which: ${FUNCTION_SHELLS.join(', ')}`)
    }
    if (shell === 'sh' && this.profile.program.includes('-'))
      throw this.usage(
        `Error: sh has no functions with the name ${this.profile.program}`,
        'Call it tsmachine there, or use bash, zsh or fish.',
      )
    return shell
  }

  /** As `env` sees them without flags: global flags of this run do not count for it. */
  private async facts(): Promise<ShellFacts> {
    const { env, profile } = this.session
    const path = storePath(env)
    const here = await this.shellHere()
    return {
      program: profile.program,
      root: isAbsolute(path) ? resolve(path) : undefined,
      storagePath: env['MACHINE_STORAGE_PATH'] ?? '',
      home: env['HOME'] ?? '',
      shell: env['SHELL'] ?? '',
      form: here === undefined || env['__fish_bin_dir'] ? undefined : keptFormOf(here),
    }
  }
}
