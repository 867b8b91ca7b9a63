import { Flags } from '@oclif/core'
import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { resolveNames, withMachines } from '../machine/names.js'
import { planUpgrade, upgradeMachine } from '../machine/upgrade.js'
import type { UpgradePlan, UpgradeResult } from '../machine/upgrade-steps.js'

export default class Upgrade extends BaseCommand {
  static override summary = 'Move the engines of machines to the newest version.'
  static override usage = 'upgrade [FLAGS] [NAME...]'
  static override strict = false
  static override description =
    'A VM of our image gets the newest image and restarts, its data disk stays. Elsewhere the engine alone is replaced and ' +
    'containers keep running. When the new one does not answer, what ran before is brought back.'
  static override args = MACHINE_NAMES
  static override flags = {
    'dry-run': Flags.boolean({ summary: 'Say what would be done, do nothing.' }),
    force: Flags.boolean({
      summary: 'Restart the engine although it is in a swarm, whose tasks then restart.',
    }),
  }
  static override examples = ['<%= config.bin %> upgrade web', '<%= config.bin %> upgrade --dry-run web db']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Upgrade)
    const ctx = this.context(flags)
    const names = resolveNames(ctx, words(argv))
    if (flags['dry-run']) {
      const plans = await withMachines(names, (name) => planUpgrade(ctx, name, flags))
      const values = plans.map(({ value }) => value)
      return this.answer(values, values.map(planned).join(''))
    }
    const done: UpgradeResult[] = []
    try {
      await withMachines(names, async (name) => done.push(await upgradeMachine(ctx, name, flags)))
    } catch (error) {
      for (const result of done) ctx.report({ type: 'info', machine: result.machine, text: told(result) })
      throw error
    }
    this.answer(done, done.map((result) => `${told(result)}\n`).join(''))
  }
}

const SOURCES = { image: 'boot image', bundled: 'engine', host: 'engine', 'install-url': 'engine' } as const

function told({ machine, source, from, to, changed }: UpgradeResult): string {
  const what = SOURCES[source]
  if (!changed) return `${machine}: ${what} ${to} is the newest`
  return `${machine}: ${what} ${from || 'unknown'} -> ${to}`
}

function planned(plan: UpgradePlan): string {
  return `${told(plan)}\n${plan.plan}`
}
