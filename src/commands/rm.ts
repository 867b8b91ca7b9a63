import { Flags } from '@oclif/core'
import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { askLine, isInteractive, isYes } from '../cli/confirm.js'
import type { MachineContext } from '../machine/context.js'
import { withMachines } from '../machine/names.js'
import { removeMachine } from '../machine/remove.js'

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
    announce(ctx, names)
    if (!flags.yes && !flags.force && !(await this.agreed(ctx))) return this.answer({ removed: [] }, '')
    const results = await withMachines(names, async (name) => {
      const removed = await removeMachine(ctx, name, { force: flags.force })
      if (removed) ctx.report({ type: 'info', machine: name, text: `Successfully removed ${name}` })
      return removed
    })
    this.answer({ removed: results.filter(({ value }) => value).map(({ name }) => name) }, '')
  }

  private async agreed(ctx: MachineContext): Promise<boolean> {
    const { program, progress } = this.profile
    if (isInteractive() || program === 'docker-machine') {
      // Piped answers count too: scripts of old feed a y.
      const output = progress === 'stdout' && !this.json ? process.stdout : process.stderr
      return isYes(await askLine('Are you sure? (y/n): ', ctx.signal, output))
    }
    throw this.usage(
      'There is no terminal to ask on: nothing was removed',
      'Say it with the command: rm -y NAME',
    )
  }
}

function announce(ctx: MachineContext, names: readonly string[]): void {
  for (const text of [
    `About to remove ${names.join(', ')}`,
    'WARNING: This action will delete both local reference and remote instance.',
  ])
    ctx.report({ type: 'info', text })
}
