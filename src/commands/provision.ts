import { Flags } from '@oclif/core'
import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { resolveNames, withMachines } from '../machine/names.js'
import { planMachine, provisionMachine } from '../machine/provision.js'
import { planText } from '../machine/plan-text.js'

export default class Provision extends BaseCommand {
  static override summary = 'Bring machines to their recorded settings again.'
  static override usage = 'provision [FLAGS] [NAME...]'
  static override strict = false
  static override description = 'What is right already is left alone; containers keep running.'
  static override args = MACHINE_NAMES
  static override flags = {
    'dry-run': Flags.boolean({ summary: 'Print the plan, do nothing.' }),
    force: Flags.boolean({
      summary: 'Restart the engine although it is in a swarm, whose tasks then restart.',
    }),
  }
  static override examples = ['<%= config.bin %> provision web', '<%= config.bin %> provision --dry-run web']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Provision)
    const ctx = this.context(flags)
    const names = resolveNames(ctx, words(argv))
    if (flags['dry-run']) {
      const plans = await withMachines(names, async (name) => planText(await planMachine(ctx, name)))
      return this.answer(
        plans.map(({ name, value }) => ({ name, plan: value })),
        plans.map(({ value }) => value).join('\n'),
      )
    }
    const results = await withMachines(names, (name) => provisionMachine(ctx, name, flags.force))
    this.answer({ machines: results.map(({ name }) => name) }, '')
  }
}
