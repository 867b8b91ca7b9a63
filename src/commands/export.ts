import { Args, Flags } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { exportMachines } from '../machine/export.js'
import { resolveNames } from '../machine/names.js'

export default class Export extends BaseCommand {
  static override summary = 'Write machines with their keys into one encrypted file.'
  static override usage = 'export NAME...|--all FILE'
  static override strict = false
  static override description =
    'Another computer that imports the file can do all that this one can. The passphrase is asked for, or taken from TSMACHINE_EXPORT_PASSPHRASE (or from where TSMACHINE_EXPORT_PASSPHRASE_REF says). A file that exists is kept, unless --force is given. With --all a machine whose record cannot be read is left out with a warning.'
  static override args = {
    name: Args.string({ description: 'Machines, then the file to write', ignoreStdin: true }),
  }
  static override flags = {
    all: Flags.boolean({ summary: 'All machines that do not run on this computer.' }),
    force: Flags.boolean({ char: 'f', summary: 'Write over a FILE that exists.' }),
    'with-secrets': Flags.boolean({ summary: 'Also the tokens with which their providers are asked.' }),
  }
  static override examples = [
    '<%= config.bin %> export web web.export',
    '<%= config.bin %> export --all --with-secrets machines.export',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Export)
    const given = words(argv)
    const file = given.at(-1)
    const named = given.slice(0, -1)
    if (file === undefined || (flags.all ? named.length > 0 : named.length === 0))
      throw this.usage('Expected machines (or --all) and the file to write')
    const ctx = this.context(flags)
    if (ctx.store.exists(file))
      throw this.usage(
        `"${file}" is a machine: the last word is the file to write`,
        `Name one: ${this.config.bin} export ${given.join(' ')} machines.export`,
        `Or, for a file of that name: ./${file}`,
      )
    const names = flags.all ? ctx.store.names() : resolveNames(ctx, named)
    const { all, force, 'with-secrets': withSecrets } = flags
    const machines = await exportMachines(ctx, { names, all, file, force, withSecrets })
    this.answer({ machines, file }, `Exported to ${file}: ${machines.join(', ')}`)
  }
}
