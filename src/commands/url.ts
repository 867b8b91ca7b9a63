import { MACHINE_NAME, words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { machineAddress } from '../machine/address.js'
import { resolveName } from '../machine/names.js'

export default class Url extends BaseCommand {
  static override summary = "Print the URL of a machine's engine."
  static override usage = 'url [NAME]'
  static override strict = false
  static override args = MACHINE_NAME
  static override examples = [
    '<%= config.bin %> url web',
    'docker --tlsverify -H "$(<%= config.bin %> url web)" info',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Url)
    const ctx = this.quietContext(flags)
    const { name, url } = await machineAddress(ctx, resolveName(ctx, words(argv)))
    this.answer({ name, url }, url)
  }
}
