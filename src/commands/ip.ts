import { ipAnswer } from '../cli/answers/address.js'
import { MACHINE_NAMES } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'

export default class Ip extends BaseCommand {
  static override summary = 'Print the address of machines, one per line.'
  static override usage = 'ip [NAME...]'
  static override strict = false
  static override args = MACHINE_NAMES
  static override examples = ['<%= config.bin %> ip web', '<%= config.bin %> ip web db']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Ip)
    this.give(await ipAnswer(this.input(argv, flags)))
  }
}
