import { BaseCommand } from '../cli/base-command.js'
import { words } from '../cli/args.js'
import { activeMachine } from '../machine/active.js'

export default class Active extends BaseCommand {
  static override summary = 'Print which machine DOCKER_HOST points to.'
  static override usage = 'active'
  static override strict = false
  static override examples = ['<%= config.bin %> active']

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Active)
    if (words(argv).length > 0) throw this.usage('Error: Too many arguments given')
    const name = await activeMachine(this.quietContext(flags))
    this.answer({ name }, name)
  }
}
