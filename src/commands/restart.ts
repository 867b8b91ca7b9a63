import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { restartMachine } from '../machine/restart.js'
import { resolveNames, withMachines } from '../machine/names.js'

export default class Restart extends BaseCommand {
  static override summary = 'Stop machines and start them again.'
  static override usage = 'restart [NAME...]'
  static override strict = false
  static override args = MACHINE_NAMES
  static override examples = ['<%= config.bin %> restart web', '<%= config.bin %> restart web db']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Restart)
    const ctx = this.context(flags)
    const results = await withMachines(resolveNames(ctx, words(argv)), async (name) => {
      ctx.report({ type: 'info', machine: name, text: `Restarting "${name}"...` })
      await restartMachine(ctx, name)
    })
    ctx.report({
      type: 'info',
      text: `Restarted machines may have new IP addresses. You may need to re-run the \`${this.config.bin} env\` command.`,
    })
    this.answer({ machines: results.map(({ name }) => name) }, '')
  }
}
