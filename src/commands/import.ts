import { Args, Flags } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { importMachines } from '../machine/export.js'

export default class Import extends BaseCommand {
  static override summary = 'Take over machines from a file that export wrote.'
  static override usage = 'import [--endpoint URL]... FILE'
  static override strict = false
  static override description =
    'All of them or none. A name that exists here is refused, and so is a machine whose record would send tokens to another address than its provider has.'
  static override args = { file: Args.string({ description: 'File of export', ignoreStdin: true }) }
  static override flags = {
    endpoint: Flags.string({
      helpValue: 'URL',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'An API of yours that the machines in FILE may use. May be given again.',
      default: [],
    }),
  }
  static override examples = [
    '<%= config.bin %> import machines.export',
    '<%= config.bin %> import --endpoint https://cloud.example.com machines.export',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Import)
    const [file, ...extra] = words(argv)
    if (file === undefined || extra.length > 0) throw this.usage('Expected one file')
    const machines = await importMachines(this.context(flags), file, flags.endpoint)
    this.answer({ machines }, `Imported: ${machines.join(', ')}`)
  }
}
