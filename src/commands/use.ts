import { Args, Flags } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import type { MachineError } from '../contracts/errors.js'
import { useMachine } from '../machine/use.js'

export default class Use extends BaseCommand {
  static override summary = "Make a machine's Docker context the current one, for every shell of this user."
  static override description = [
    'In a shell with the functions of shell-init it counts in that shell too: DOCKER_HOST and the other variables that win over',
    'a context are unset there. With --shell only that shell is pointed at the machine, by variables; --shell -u takes',
    'them away again.',
  ].join('\n')
  static override usage = ['use NAME|-', 'use --shell NAME', 'use --shell -u']
  static override strict = false
  static override args = {
    name: Args.string({ description: 'Machine, or - for the context used before', ignoreStdin: true }),
  }
  static override flags = {
    shell: Flags.boolean({ summary: 'This shell alone (needs shell-init).' }),
    unset: Flags.boolean({ char: 'u', summary: 'With --shell: away from its machine.' }),
  }
  static override examples = [
    '<%= config.bin %> use web',
    '<%= config.bin %> use -',
    '<%= config.bin %> use --shell web',
    '<%= config.bin %> use --shell -u',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Use)
    if (flags.shell || flags.unset) throw this.onlyInShell()
    const [name, ...extra] = words(argv)
    if (name === undefined || extra.length > 0)
      throw this.usage('Error: Expected one machine name as an argument')
    const ctx = this.context(flags)
    const outcome = await useMachine(ctx, name)
    this.answer(outcome, `Current Docker context is now "${outcome.name}" (was "${outcome.previous}")`)
  }

  /** What the function of `shell-init` does by itself never gets here. */
  private onlyInShell(): MachineError {
    const { program } = this.profile
    return this.usage(
      'Error: No program can change the shell that started it: use --shell needs the functions of shell-init, and --shell NAME or --shell -u alone',
      `Load them: eval "$(${program} shell-init bash)", or zsh; in fish: ${program} shell-init fish | source`,
    )
  }
}
