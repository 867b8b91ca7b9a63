import { Args, Flags } from '@oclif/core'
import { words } from '../../cli/args.js'
import { BaseCommand } from '../../cli/base-command.js'
import { allFactories } from '../../cli/driver-document.js'
import { driversOf } from '../../cli/session.js'
import { removeSecret, removeUnused } from '../../machine/secret-entries.js'

export default class SecretRm extends BaseCommand {
  static override summary = 'Forget a secret that was set, or those that no machine uses any more.'
  static override usage = 'secret rm [-f] DRIVER NAME | --unused'
  static override strict = false
  static override args = {
    driver: Args.string({ description: 'Driver', ignoreStdin: true }),
    name: Args.string({ description: "The flag without the driver's name: access-token", ignoreStdin: true }),
  }
  static override flags = {
    force: Flags.boolean({ char: 'f', summary: 'Also while machines use it.' }),
    unused: Flags.boolean({ summary: 'What creates have kept for machines that are all gone.' }),
  }
  static override examples = [
    '<%= config.bin %> secret rm digitalocean access-token',
    '<%= config.bin %> secret rm --unused',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(SecretRm)
    const [driver, name, ...more] = words(argv)
    const named = driver !== undefined && name !== undefined
    const unused = Boolean(flags.unused)
    if (more.length > 0 || named === unused || (driver !== undefined && unused))
      throw this.usage('Error: Expected a driver and the name of a secret, or --unused')
    const ctx = this.context(flags)
    const removed = named
      ? [await removeSecret(ctx, { driver, name }, flags)]
      : await removeUnused(ctx, await allFactories(driversOf(this.session)))
    this.answer({ removed }, '')
    for (const reference of removed) ctx.report({ type: 'info', text: `Removed ${reference}` })
  }
}
