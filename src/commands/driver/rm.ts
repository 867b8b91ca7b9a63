import { Args, Flags } from '@oclif/core'
import { words } from '../../cli/args.js'
import { BaseCommand } from '../../cli/base-command.js'
import { removeDriver } from '../../machine/driver-packages.js'

export default class DriverRm extends BaseCommand {
  static override summary = 'Remove a driver package.'
  static override description =
    'Refused while machines of the store need it. Secrets that were kept for it stay: see secret ls.'
  static override usage = 'driver rm [-f] NAME'
  static override strict = false
  static override args = {
    driver: Args.string({ description: 'Driver, as driver ls calls it', ignoreStdin: true }),
  }
  static override flags = {
    force: Flags.boolean({
      char: 'f',
      summary: 'Also while machines need it: they stay, and cannot be removed without it.',
    }),
  }
  static override examples = ['<%= config.bin %> driver rm acme']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(DriverRm)
    const [name, ...more] = words(argv)
    if (!name || more.length > 0) throw this.usage('Error: Expected the name of a driver')
    const ctx = this.context(flags)
    const { driver, machines } = await removeDriver(ctx, name, { force: flags.force === true })
    const { packageName, version } = driver
    this.answer(
      { removed: name, package: packageName, version, machines },
      `Removed ${packageName} ${version}`,
    )
    if (machines.length > 0)
      ctx.report({
        type: 'warn',
        text: `These machines stay, and what they cost: ${machines.join(', ')}. Without the driver nothing can be done with them: tsmachine driver install ${packageName}@${version}`,
      })
    ctx.report({ type: 'info', text: 'Secrets that were kept for it stay: tsmachine secret ls' })
  }
}
