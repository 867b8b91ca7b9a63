import { MACHINE_NAMES, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { machineAddress } from '../machine/address.js'
import { resolveNames, withMachines } from '../machine/names.js'

export default class Ip extends BaseCommand {
  static override summary = 'Print the address of machines, one per line.'
  static override usage = 'ip [NAME...]'
  static override strict = false
  static override args = MACHINE_NAMES
  static override examples = ['<%= config.bin %> ip web', '<%= config.bin %> ip web db']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Ip)
    const ctx = this.quietContext(flags)
    const results = await withMachines(
      resolveNames(ctx, words(argv)),
      async (name) => await machineAddress(ctx, name, 'Error getting IP address: '),
    )
    this.answer(
      results.map(({ name, value }) => ({ name, ip: value.ip })),
      results.map(({ value }) => value.ip).join('\n'),
    )
  }
}
