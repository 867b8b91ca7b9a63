import { Flags } from '@oclif/core'
import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { confirm, isInteractive } from '../cli/confirm.js'
import type { MachineContext } from '../machine/context.js'
import { withMachines } from '../machine/names.js'
import { removeMachine } from '../machine/remove.js'
import { removable } from '../machine/removable.js'

export default class Rm extends BaseCommand {
  static override summary = 'Remove machines and everything that was made for them.'
  static override usage = 'rm [-f] [-y] NAME...'
  static override strict = false
  static override args = MACHINE_NAMES
  static override flags = {
    force: Flags.boolean({
      char: 'f',
      summary: 'Do not ask, and drop the record even if the provider refuses.',
    }),
    yes: Flags.boolean({ char: 'y', summary: 'Do not ask.' }),
  }
  static override examples = [
    '<%= config.bin %> rm web',
    '<%= config.bin %> rm -y web db',
    '<%= config.bin %> rm -f broken',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Rm)
    const names = [...new Set(words(argv))]
    if (names.length === 0) throw this.usage('Error: Expected to get one or more machine names as arguments')
    const ctx = this.context(flags)
    const known = removable(ctx, names, flags.force)
    if (!flags.yes && !flags.force && !(await this.agreed(ctx, known)))
      return this.answer({ removed: [] }, '')
    const results = await withMachines(known, async (name) => {
      await removeMachine(ctx, name, { force: flags.force })
      ctx.report({ type: 'info', machine: name, text: `Successfully removed ${name}` })
    })
    this.answer({ removed: results.map(({ name }) => name) }, '')
  }

  private async agreed(ctx: MachineContext, names: readonly string[]): Promise<boolean> {
    ctx.report({ type: 'info', text: `About to remove ${names.join(', ')}` })
    ctx.report({
      type: 'info',
      text: 'WARNING: This action will delete both local reference and remote instance.',
    })
    if (isInteractive()) return await confirm('Are you sure? (y/n): ', ctx.signal)
    if (this.profile.program === 'docker-machine') return false
    throw this.usage(
      'There is no terminal to ask on: nothing was removed',
      'Say it with the command: rm -y NAME',
    )
  }
}
