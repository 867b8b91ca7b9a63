import { Flags } from '@oclif/core'
import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { startMachine } from '../machine/start.js'
import { resolveNames, withMachines } from '../machine/names.js'

export default class Start extends BaseCommand {
  static override summary = 'Start machines and wait until their engines answer.'
  static override usage = 'start [NAME...]'
  static override strict = false
  static override args = MACHINE_NAMES
  static override flags = {
    cold: Flags.boolean({
      summary: 'Start a suspended machine without its saved memory, as after a power cut.',
    }),
  }
  static override examples = [
    '<%= config.bin %> start web',
    '<%= config.bin %> start web db',
    '<%= config.bin %> start --cold web',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Start)
    const ctx = this.context(flags)
    const { cold } = flags
    const results = await withMachines(resolveNames(ctx, words(argv)), async (name) => {
      ctx.report({ type: 'info', machine: name, text: `Starting "${name}"...` })
      await startMachine(ctx, name, { cold })
      ctx.report({ type: 'info', machine: name, text: `Machine "${name}" was started.` })
    })
    ctx.report({
      type: 'info',
      text: `Started machines may have new IP addresses. You may need to re-run the \`${this.config.bin} env\` command.`,
    })
    this.answer({ machines: results.map(({ name }) => name) }, '')
  }
}
