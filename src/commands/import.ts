import { Args } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { importMachines } from '../machine/export.js'

export default class Import extends BaseCommand {
  static override summary = 'Take over machines from a file that export wrote.'
  static override usage = 'import FILE'
  static override strict = false
  static override description = 'All of them or none. A name that exists here is refused.'
  static override args = { file: Args.string({ description: 'File of export', ignoreStdin: true }) }
  static override examples = ['<%= config.bin %> import machines.export']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Import)
    const [file, ...extra] = words(argv)
    if (file === undefined || extra.length > 0) throw this.usage('Expected one file')
    const machines = await importMachines(this.context(flags), file)
    this.answer({ machines }, `Imported: ${machines.join(', ')}`)
  }
}
