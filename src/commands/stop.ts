import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { stopMachine } from '../machine/stop.js'
import { resolveNames, withMachines } from '../machine/names.js'

export default class Stop extends BaseCommand {
  static override summary = 'Power machines off cleanly.'
  static override usage = 'stop [NAME...]'
  static override strict = false
  static override args = MACHINE_NAMES
  static override examples = ['<%= config.bin %> stop web', '<%= config.bin %> stop web db']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Stop)
    const ctx = this.context(flags)
    const results = await withMachines(resolveNames(ctx, words(argv)), async (name) => {
      ctx.report({ type: 'info', machine: name, text: `Stopping "${name}"...` })
      await stopMachine(ctx, name)
      ctx.report({ type: 'info', machine: name, text: `Machine "${name}" was stopped.` })
    })
    this.answer({ machines: results.map(({ name }) => name) }, '')
  }
}
