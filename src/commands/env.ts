import { Flags } from '@oclif/core'
import { envAnswer } from '../cli/answers/env.js'
import { MACHINE_NAME } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { SHELLS } from '../ui/shell-env.js'

export default class Env extends BaseCommand {
  static override summary = 'Print the commands that point this shell at a machine.'
  static override usage = 'env [FLAGS] [NAME]'
  static override strict = false
  static override args = MACHINE_NAME
  static override flags = {
    shell: Flags.string({
      helpValue: 'SHELL',
      summary: `Shell to write for: ${SHELLS.join(', ')}. [default: $SHELL]`,
    }),
    unset: Flags.boolean({ char: 'u', summary: 'Remove the variables instead.' }),
    swarm: Flags.boolean({ summary: 'Point at the manager of the classic swarm.' }),
    'no-proxy': Flags.boolean({
      summary:
        "Add the machine's address to NO_PROXY, and to no_proxy where that is set; with -u remove them.",
    }),
  }
  static override examples = [
    'eval "$(<%= config.bin %> env web)"',
    '<%= config.bin %> env --shell fish web | source',
    '<%= config.bin %> env --shell nushell web | from json | load-env',
    'eval "$(<%= config.bin %> env -u)"',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Env)
    this.give(await envAnswer(this.input(argv, flags), flags))
  }
}
