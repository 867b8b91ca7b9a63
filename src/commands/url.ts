import { urlAnswer } from '../cli/answers/address.js'
import { MACHINE_NAME } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'

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
    this.give(await urlAnswer(this.input(argv, flags)))
  }
}
