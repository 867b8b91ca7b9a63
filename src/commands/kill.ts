import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { killMachine } from '../machine/stop.js'
import { resolveNames, withMachines } from '../machine/names.js'

export default class Kill extends BaseCommand {
  static override summary = 'End machines at once, as if their plug were pulled.'
  static override usage = 'kill [NAME...]'
  static override strict = false
  static override args = MACHINE_NAMES
  static override examples = ['<%= config.bin %> kill web', '<%= config.bin %> kill web db']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Kill)
    const ctx = this.context(flags)
    const results = await withMachines(resolveNames(ctx, words(argv)), async (name) => {
      ctx.report({ type: 'info', machine: name, text: `Killing "${name}"...` })
      await killMachine(ctx, name)
      ctx.report({ type: 'info', machine: name, text: `Machine "${name}" was killed.` })
    })
    this.answer({ machines: results.map(({ name }) => name) }, '')
  }
}
